/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "doorbell.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "segment.h"

/* Events at a time, and times: equal ones in a row are one, so an honest peer leaves a few; a flood stays unread. */
#define EVENTS 32
/* Delays between two questions for a holder that may be about to go: they double. */
#define DOUBT_FIRST_NS 1000000
#define DOUBT_LAST_NS 512000000
#define READS 8
/* Calls for one ring. A signal that turns one back is dealt with before the next; more come from a filter's EINTR. */
#define RINGS 100

static int watch(int inotify, int fd, bool producer)
{
	char path[SMQ_SELF_BYTES];

	smq_segment_self(fd, path);
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

int smq_doorbell_make(struct smq_doorbell *bell, int fd, bool producer)
{
	int err;

	*bell = (struct smq_doorbell){ .pollfd = -1, .inotify = -1, .timer = -1, .watch = -1 };
	if ((bell->pollfd = epoll_create1(EPOLL_CLOEXEC)) >= 0 &&
	    holds(bell->pollfd, bell->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) &&
	    holds(bell->pollfd, bell->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) &&
	    (bell->watch = watch(bell->inotify, fd, producer)) >= 0) {
		/* What came before the watch is told by the first try, and the peer may just be dying. */
		bell->doubt_ns = DOUBT_FIRST_NS;
		smq_doorbell_again(bell, 1);
		return 0;
	}
	err = refused();
	smq_doorbell_destroy(bell);
	return err;
}

void smq_doorbell_destroy(struct smq_doorbell *bell)
{
	if (bell->timer >= 0)
		close(bell->timer);
	if (bell->inotify >= 0)
		close(bell->inotify);
	if (bell->pollfd >= 0)
		close(bell->pollfd);
}

void smq_doorbell_ring(int fd, bool producer)
{
	char byte;

	/* EINTR: before Linux 6.11 tmpfs makes way for any signal, and nobody rings a second time. For other reasons
	 * they leave the peer to its next own reason to try: there is nothing better to do. */
	for (int i = 0; i < RINGS; i++) {
		if ((producer ? fallocate(fd, 0, 0, 1) : (int)pread(fd, &byte, 1, 0)) >= 0 || errno != EINTR)
			break;
	}
}

/* `*lost`: the watch is gone. */
static unsigned hear(const struct inotify_event *events, size_t count, bool *lost)
{
	unsigned heard = 0;

	for (size_t i = 0; i < count; i++) {
		if (events[i].mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW))
			heard |= SMQ_HEARD_CLOSE;
		if (events[i].mask & IN_IGNORED)
			*lost = true;
	}
	return heard;
}

unsigned smq_doorbell_silence(struct smq_doorbell *bell, int fd, bool producer)
{
	struct inotify_event events[EVENTS]; /* of a file, not of a directory: none has a name behind it */
	unsigned heard = 0;
	bool lost = bell->watch < 0;
	ssize_t bytes;
	uint64_t expired;

	for (int i = 0; i < READS; i++) {
		bytes = read(bell->inotify, events, sizeof events);
		if (bytes > 0)
			heard |= hear(events, (size_t)bytes / sizeof events[0], &lost);
		if (bytes < (ssize_t)sizeof events)
			break;
	}
	if (lost) { /* one of the file's names died as the last, though the file lives on */
		bell->watch = watch(bell->inotify, fd, producer);
		heard |= SMQ_HEARD_CLOSE;
	}
	if (bell->timer_set && read(bell->timer, &expired, sizeof expired) > 0) {
		bell->timer_set = false;
		heard |= SMQ_HEARD_TIMER;
	}
	return heard;
}

void smq_doorbell_again(struct smq_doorbell *bell, int64_t ns)
{
	struct itimerspec when = { .it_value.tv_sec = (time_t)(ns / 1000000000) };

	when.it_value.tv_nsec = (long)(ns % 1000000000);
	bell->timer_set = timerfd_settime(bell->timer, 0, &when, NULL) == 0;
}

bool smq_doorbell_doubts(struct smq_doorbell *bell, unsigned heard)
{
	if (heard & SMQ_HEARD_CLOSE)
		bell->doubt_ns = DOUBT_FIRST_NS;
	return heard != 0 && bell->doubt_ns != 0;
}

void smq_doorbell_ask_again(struct smq_doorbell *bell)
{
	if (bell->doubt_ns > DOUBT_LAST_NS) {
		bell->doubt_ns = 0;
		return;
	}
	smq_doorbell_again(bell, bell->doubt_ns);
	bell->doubt_ns *= 2;
}
