/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "pollable.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cancel.h"
#include "clock.h"
#include "descriptor.h"
#include "fdpath.h"

/* Events in a read, and reads. The kernel merges equal events, so an honest peer causes a few; a flood stays unread. */
#define EVENTS 32
#define READS  8
/* Rechecks end after RECHECK_NS. The interval is the time since the first one, within these bounds. */
#define RECHECK_NS       SMQ_NS_PER_S
#define RECHECK_FIRST_NS SMQ_NS_PER_MS
#define RECHECK_LAST_NS  (512 * SMQ_NS_PER_MS)
/* Without a watch the descriptor cannot be raised: then the caller tries again at this interval. */
#define UNWATCHED_NS SMQ_NS_PER_MS
/* Attempts to raise the descriptor. A signal may interrupt one; only a filter that always says EINTR uses up all. */
#define ATTEMPTS 100

static int watch(int inotify, int fd, bool producer)
{
	char path[SMQ_FDPATH_BYTES];

	smq_fdpath(fd, path);
	return inotify_add_watch(inotify, path, IN_CLOSE_WRITE | (producer ? IN_ACCESS : IN_MODIFY));
}

static int open_error(void)
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

static int open_inotify(void)
{
	return smq_descriptor_keep(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
}

static int open_timer(void)
{
	return smq_descriptor_keep(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

/* What epoll tells of a descriptor that is ready: a pointer to where its number stands. */
static bool control(const struct smq_pollable *pollable, int operation, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

	return *fd >= 0 && epoll_ctl(pollable->pollfd, operation, *fd, &event) == 0;
}

/*
 * Is it the descriptor that was added? If either number is another file's by now, the kernel says so, and changes
 * nothing.
 */
static bool is_own(struct smq_pollable *pollable, int *fd)
{
	if (pollable->pollfd < 0)
		return false;
	if (control(pollable, EPOLL_CTL_MOD, fd))
		return true;
	switch (errno) {
	case EBADF:
	case EINVAL: /* no epoll descriptor */
	case ENOENT: /* it does not contain that */
	case EPERM:  /* a file that cannot be polled */
		smq_pollable_forget(pollable);
		return false;
	default: /* nothing is said */
		return true;
	}
}

static void start_rechecks(struct smq_pollable *pollable)
{
	int64_t now = smq_now_ns();

	pollable->peer = pollable->owner = (struct smq_recheck){ .since = now, .at = now };
}

static void close_all(const struct smq_pollable *pollable)
{
	if (pollable->timer >= 0)
		close(pollable->timer);
	if (pollable->inotify >= 0)
		close(pollable->inotify);
	if (pollable->pollfd >= 0)
		close(pollable->pollfd);
}

int smq_pollable_open(struct smq_pollable *pollable, int fd, bool producer)
{
	int err;

	smq_pollable_forget(pollable);
	if ((pollable->pollfd = smq_descriptor_keep(epoll_create1(EPOLL_CLOEXEC))) >= 0 &&
	    (pollable->inotify = open_inotify(), control(pollable, EPOLL_CTL_ADD, &pollable->inotify)) &&
	    (pollable->timer = open_timer(), control(pollable, EPOLL_CTL_ADD, &pollable->timer)) &&
	    (pollable->watch = watch(pollable->inotify, fd, producer)) >= 0) {
		/* The first try finds what happened before the watch was added. And the peer may be about to end. */
		start_rechecks(pollable);
		smq_pollable_raise_at(pollable, SMQ_AT_ONCE);
		return 0;
	}
	err = open_error();
	close_all(pollable);
	return err;
}

void smq_pollable_forget(struct smq_pollable *pollable)
{
	*pollable = (struct smq_pollable){ .pollfd = -1, .inotify = -1, .timer = -1, .watch = -1 };
}

bool smq_pollable_check(struct smq_pollable *pollable)
{
	return is_own(pollable, &pollable->inotify) && is_own(pollable, &pollable->timer);
}

void smq_pollable_close(struct smq_pollable *pollable)
{
	if (smq_pollable_check(pollable))
		close_all(pollable);
}

void smq_pollable_raise(int fd, bool producer)
{
	int cancel = smq_cancel_disable();
	char byte;

	/* EINTR: before Linux 6.11 a signal interrupts fallocate() on tmpfs, and there will be no second call. After
	 * other errors the peer notices when it tries for a reason of its own: there is nothing better to do. */
	for (int i = 0; i < ATTEMPTS; i++) {
		if ((producer ? fallocate(fd, 0, 0, 1) : (int)pread(fd, &byte, 1, 0)) >= 0 || errno != EINTR)
			break;
	}
	smq_cancel_restore(cancel);
}

/* Was there a death or a close, or can it not be ruled out? `*lost`: the watch is gone. */
static bool read_events(const struct inotify_event *events, size_t count, bool *lost)
{
	bool closed = false;

	for (size_t i = 0; i < count; i++) {
		closed |= (events[i].mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW)) != 0;
		*lost |= (events[i].mask & IN_IGNORED) != 0;
	}
	return closed;
}

/* Reads all events. `*lost`: as above. Returns as read_events() does. */
static bool drain(int inotify, bool *lost)
{
	struct inotify_event events[EVENTS]; /* of a file, not of a directory: without names */
	bool closed = false;
	ssize_t bytes;

	for (int i = 0; i < READS; i++) {
		bytes = read(inotify, events, sizeof events);
		if (bytes > 0)
			closed |= read_events(events, (size_t)bytes / sizeof events[0], lost);
		if (bytes < (ssize_t)sizeof events)
			break;
	}
	return closed;
}

bool smq_pollable_clear(struct smq_pollable *pollable)
{
	struct epoll_event ready[2];
	bool closed = false, lost = pollable->watch < 0;
	int count = epoll_wait(pollable->pollfd, ready, 2, 0);
	uint64_t expired;

	if (count < 0)
		smq_pollable_forget(pollable);
	/* Only what epoll says is ready is verified and read: mostly nothing is, and one system call is enough. If the
	 * number is another epoll descriptor's by now, it tells of other pointers. */
	for (int i = 0; i < count; i++) {
		if (ready[i].data.ptr == &pollable->inotify && is_own(pollable, &pollable->inotify))
			closed = drain(pollable->inotify, &lost);
		else if (ready[i].data.ptr == &pollable->timer && is_own(pollable, &pollable->timer) &&
			 read(pollable->timer, &expired, sizeof expired) > 0)
			pollable->raise_at = 0;
	}
	if (closed || lost)
		start_rechecks(pollable);
	return lost;
}

void smq_pollable_watch(struct smq_pollable *pollable, int fd, bool producer)
{
	if (is_own(pollable, &pollable->inotify))
		pollable->watch = watch(pollable->inotify, fd, producer);
	if (pollable->watch < 0)
		smq_pollable_raise_at(pollable, smq_now_ns() + UNWATCHED_NS);
}

void smq_pollable_raise_at(struct smq_pollable *pollable, int64_t when)
{
	struct itimerspec timer = { .it_value.tv_sec = (time_t)(when / SMQ_NS_PER_S) };

	if (pollable->raise_at != 0 && pollable->raise_at <= when)
		return;
	if (!is_own(pollable, &pollable->timer))
		return;
	timer.it_value.tv_nsec = (long)(when % SMQ_NS_PER_S);
	pollable->raise_at = timerfd_settime(pollable->timer, TFD_TIMER_ABSTIME, &timer, NULL) == 0 ? when : 0;
}

bool smq_recheck_due(const struct smq_recheck *recheck)
{
	return recheck->since != 0 && smq_now_ns() >= recheck->at;
}

void smq_recheck_done(struct smq_recheck *recheck, bool answered)
{
	int64_t now = smq_now_ns(), delay = now - recheck->since;

	if (answered && delay >= RECHECK_NS) {
		recheck->since = 0;
		return;
	}
	if (delay < RECHECK_FIRST_NS)
		delay = RECHECK_FIRST_NS;
	if (delay > RECHECK_LAST_NS)
		delay = RECHECK_LAST_NS;
	recheck->at = now + delay;
}
