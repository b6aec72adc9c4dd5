/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "pollable.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "object.h"

/* Events at a time, and times: equal ones in a row are one, so an honest peer leaves a few; a flood stays unread. */
#define EVENTS 32
#define READS  8
/* A recheck, and the delays between two of its questions: as long as it has lasted already. */
#define DOUBT_NS       INT64_C(1000000000)
#define DOUBT_FIRST_NS INT64_C(1000000)
#define DOUBT_LAST_NS  INT64_C(512000000)
/* Who cannot be rung looks again so often. */
#define DEAF_NS INT64_C(1000000)
/* Calls for one ring. A signal that turns one back is dealt with before the next; more come from a filter's EINTR. */
#define RINGS 100

static int watch(int inotify, int fd, bool producer)
{
	char path[SMQ_FDPATH_BYTES];

	smq_fdpath(fd, path);
	return inotify_add_watch(inotify, path, IN_CLOSE_WRITE | (producer ? IN_ACCESS : IN_MODIFY));
}

static int refused(void)
{
	switch (errno) {
	case ENOSYS:
	case ENOENT: /* no /proc */
	case EPERM:  /* a sandbox */
		return EOPNOTSUPP;
	default:
		return errno;
	}
}

static bool holds(int pollfd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd >= 0 && epoll_ctl(pollfd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void begin_doubts(struct smq_pollable *pollable)
{
	int64_t now = smq_now_ns();

	pollable->peer = pollable->owner = (struct smq_recheck){ .since = now, .ask_at = now };
}

int smq_pollable_open(struct smq_pollable *pollable, int fd, bool producer)
{
	int err;

	*pollable = (struct smq_pollable){ .pollfd = -1, .inotify = -1, .timer = -1, .watch = -1 };
	if ((pollable->pollfd = epoll_create1(EPOLL_CLOEXEC)) >= 0 &&
	    holds(pollable->pollfd, pollable->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) &&
	    holds(pollable->pollfd, pollable->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) &&
	    (pollable->watch = watch(pollable->inotify, fd, producer)) >= 0) {
		/* What came before the watch is told by the first try, and the peer may just be dying. */
		begin_doubts(pollable);
		smq_pollable_raise_at(pollable, SMQ_AT_ONCE);
		return 0;
	}
	err = refused();
	smq_pollable_close(pollable);
	return err;
}

void smq_pollable_close(struct smq_pollable *pollable)
{
	if (pollable->timer >= 0)
		close(pollable->timer);
	if (pollable->inotify >= 0)
		close(pollable->inotify);
	if (pollable->pollfd >= 0)
		close(pollable->pollfd);
}

void smq_pollable_raise(int fd, bool producer)
{
	char byte;

	/* EINTR: before Linux 6.11 tmpfs makes way for any signal, and nobody rings a second time. For other reasons
	 * they leave the peer to its next own reason to try: there is nothing better to do. */
	for (int i = 0; i < RINGS; i++) {
		if ((producer ? fallocate(fd, 0, 0, 1) : (int)pread(fd, &byte, 1, 0)) >= 0 || errno != EINTR)
			break;
	}
}

/* Was there a death or a close, or may there have been? `*lost`: the watch is gone. */
static bool hear(const struct inotify_event *events, size_t count, bool *lost)
{
	bool closed = false;

	for (size_t i = 0; i < count; i++) {
		closed |= (events[i].mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW)) != 0;
		*lost |= (events[i].mask & IN_IGNORED) != 0;
	}
	return closed;
}

void smq_pollable_clear(struct smq_pollable *pollable, int fd, bool producer)
{
	struct inotify_event events[EVENTS]; /* of a file, not of a directory: none has a name behind it */
	bool closed = false, lost = pollable->watch < 0;
	ssize_t bytes;
	uint64_t expired;

	for (int i = 0; i < READS; i++) {
		bytes = read(pollable->inotify, events, sizeof events);
		if (bytes > 0)
			closed |= hear(events, (size_t)bytes / sizeof events[0], &lost);
		if (bytes < (ssize_t)sizeof events)
			break;
	}
	if (pollable->rings_at != 0 && read(pollable->timer, &expired, sizeof expired) > 0)
		pollable->rings_at = 0;
	if (lost) /* one of the file's names died as the last, though the file lives on */
		pollable->watch = watch(pollable->inotify, fd, producer);
	if (closed || lost)
		begin_doubts(pollable);
	if (pollable->watch < 0)
		smq_pollable_raise_at(pollable, smq_now_ns() + DEAF_NS);
}

void smq_pollable_raise_at(struct smq_pollable *pollable, int64_t when)
{
	struct itimerspec timer = { .it_value.tv_sec = (time_t)(when / 1000000000) };

	if (pollable->rings_at != 0 && pollable->rings_at <= when)
		return;
	timer.it_value.tv_nsec = (long)(when % 1000000000);
	pollable->rings_at = timerfd_settime(pollable->timer, TFD_TIMER_ABSTIME, &timer, NULL) == 0 ? when : 0;
}

bool smq_recheck_due(const struct smq_recheck *recheck)
{
	return recheck->since != 0 && smq_now_ns() >= recheck->ask_at;
}

void smq_recheck_done(struct smq_recheck *recheck, bool answered)
{
	int64_t now = smq_now_ns(), delay = now - recheck->since;

	if (answered && delay >= DOUBT_NS) {
		recheck->since = 0;
		return;
	}
	if (delay < DOUBT_FIRST_NS)
		delay = DOUBT_FIRST_NS;
	if (delay > DOUBT_LAST_NS)
		delay = DOUBT_LAST_NS;
	recheck->ask_at = now + delay;
}
