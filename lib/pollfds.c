/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "pollfds.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "descriptor.h"
#include "fdpath.h"

/* Events in a read, and reads. The kernel merges equal events, so an honest peer causes a few; a flood stays unread. */
#define EVENTS 32
#define READS  8

int smq_pollfds_error(void)
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
static bool control(const struct smq_pollfds *fds, int operation, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

	return *fd >= 0 && epoll_ctl(fds->pollfd, operation, *fd, &event) == 0;
}

/*
 * Is it the descriptor that was added? If either number is another file's by now, the kernel says so, and changes
 * nothing.
 */
static bool is_own(struct smq_pollfds *fds, int *fd)
{
	if (fds->pollfd < 0)
		return false;
	if (control(fds, EPOLL_CTL_MOD, fd))
		return true;
	switch (errno) {
	case EBADF:
	case EINVAL: /* no epoll descriptor */
	case ENOENT: /* it does not contain that */
	case EPERM:  /* a file that cannot be polled */
		smq_pollfds_forget(fds);
		return false;
	default: /* nothing is said */
		return true;
	}
}

static void close_all(const struct smq_pollfds *fds)
{
	if (fds->timer >= 0)
		close(fds->timer);
	if (fds->inotify >= 0)
		close(fds->inotify);
	if (fds->pollfd >= 0)
		close(fds->pollfd);
}

int smq_pollfds_open(struct smq_pollfds *fds)
{
	int err;

	smq_pollfds_forget(fds);
	if ((fds->pollfd = smq_descriptor_keep(epoll_create1(EPOLL_CLOEXEC))) >= 0 &&
	    (fds->inotify = open_inotify(), control(fds, EPOLL_CTL_ADD, &fds->inotify)) &&
	    (fds->timer = open_timer(), control(fds, EPOLL_CTL_ADD, &fds->timer)))
		return 0;
	err = smq_pollfds_error();
	close_all(fds);
	smq_pollfds_forget(fds);
	return err;
}

void smq_pollfds_forget(struct smq_pollfds *fds)
{
	*fds = (struct smq_pollfds){ .pollfd = -1, .inotify = -1, .timer = -1 };
}

bool smq_pollfds_check(struct smq_pollfds *fds)
{
	return is_own(fds, &fds->inotify) && is_own(fds, &fds->timer);
}

void smq_pollfds_close(struct smq_pollfds *fds)
{
	if (smq_pollfds_check(fds))
		close_all(fds);
	smq_pollfds_forget(fds);
}

int smq_pollfds_watch(struct smq_pollfds *fds, int fd, bool producer)
{
	char path[SMQ_FDPATH_BYTES];

	if (!is_own(fds, &fds->inotify)) {
		errno = EBADF;
		return -1;
	}
	smq_fdpath(fd, path);
	return inotify_add_watch(fds->inotify, path, IN_CLOSE_WRITE | (producer ? IN_ACCESS : IN_MODIFY) | IN_MASK_ADD);
}

void smq_pollfds_unwatch(struct smq_pollfds *fds, int watch)
{
	if (is_own(fds, &fds->inotify))
		(void)inotify_rm_watch(fds->inotify, watch);
}

static void drain(int inotify, void (*event)(void *context, int watch, uint32_t mask), void *context)
{
	struct inotify_event events[EVENTS]; /* of files, not of a directory: without names */

	for (int i = 0; i < READS; i++) {
		ssize_t bytes = read(inotify, events, sizeof events);

		for (ssize_t j = 0; j < bytes / (ssize_t)sizeof events[0]; j++)
			event(context, events[j].wd, events[j].mask);
		if (bytes < (ssize_t)sizeof events)
			break;
	}
}

bool smq_pollfds_read(struct smq_pollfds *fds, void (*event)(void *context, int watch, uint32_t mask), void *context)
{
	struct epoll_event ready[2];
	int count = epoll_wait(fds->pollfd, ready, 2, 0);
	bool expired = false;
	uint64_t times;

	if (count < 0)
		smq_pollfds_forget(fds);
	/* Only what epoll says is ready is verified and read: mostly nothing is, and one system call is enough. If the
	 * number is another epoll descriptor's by now, it tells of other pointers. */
	for (int i = 0; i < count; i++) {
		if (ready[i].data.ptr == &fds->inotify && is_own(fds, &fds->inotify)) {
			drain(fds->inotify, event, context);
		} else if (ready[i].data.ptr == &fds->timer && is_own(fds, &fds->timer) &&
			   read(fds->timer, &times, sizeof times) > 0) {
			fds->raise_at = 0;
			expired = true;
		}
	}
	return expired;
}

void smq_pollfds_raise_at(struct smq_pollfds *fds, int64_t when)
{
	struct itimerspec timer = { .it_value.tv_sec = (time_t)(when / SMQ_NS_PER_S) };

	if (fds->raise_at != 0 && fds->raise_at <= when)
		return;
	if (!is_own(fds, &fds->timer))
		return;
	timer.it_value.tv_nsec = (long)(when % SMQ_NS_PER_S);
	fds->raise_at = timerfd_settime(fds->timer, TFD_TIMER_ABSTIME, &timer, NULL) == 0 ? when : 0;
}
