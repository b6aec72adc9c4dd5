/* SPDX-License-Identifier: MIT */
/* shmemq_set_*(): many queues in one event loop. */
#include "config.h"

#include <poll.h>
#include <stdlib.h>

#include "call.h"
#include "cancel.h"
#include "process.h"

struct shmemq_set {
	struct smq_watchset watched;
};

/* 0, EINVAL (no set), EPERM (a forked child). */
static int check_set(const struct shmemq_set *s)
{
	if (s == NULL)
		return EINVAL;
	return smq_watchset_in_process(&s->watched) ? 0 : EPERM;
}

/* The same, and the program has not closed the set's descriptors: else EBADF. */
static int check_fds(struct shmemq_set *s)
{
	int err = check_set(s);

	return err == 0 && !smq_pollfds_check(&s->watched.fds) ? EBADF : err;
}

struct shmemq_set *shmemq_set_open(void)
{
	struct shmemq_set *s = calloc(1, sizeof *s);
	int err, cancel;

	if (s == NULL)
		return NULL;
	cancel = smq_cancel_disable();
	err = smq_watchset_open(&s->watched);
	smq_cancel_restore(cancel);
	if (err == 0)
		return s;
	free(s);
	errno = err;
	return NULL;
}

int shmemq_set_close(struct shmemq_set *s)
{
	int cancel;

	if (s == NULL)
		return smq_fail(EINVAL);
	cancel = smq_cancel_disable();
	smq_watchset_close(&s->watched);
	smq_cancel_restore(cancel);
	free(s);
	return 0;
}

int shmemq_set_fd(struct shmemq_set *s)
{
	int cancel = smq_cancel_disable(), err = check_fds(s);

	if (err == 0 && !s->watched.polled) {
		s->watched.polled = true;
		smq_pollfds_raise_at(&s->watched.fds, SMQ_AT_ONCE);
	}
	smq_cancel_restore(cancel);
	return err != 0 ? smq_fail(err) : s->watched.fds.pollfd;
}

static int add(struct shmemq_set *s, struct shmemq *q, void *cookie)
{
	int fd, err = check_fds(s);

	if (err != 0)
		return err;
	fd = smq_fd(q); /* first, because it may find that the program has closed a descriptor of its own as well */
	if (!smq_handle_make_pollable(q))
		return ENOMEM;
	if (q->pollable->member.set != NULL || smq_pollable_check(q->pollable))
		return EBUSY;
	q->peer.quiet_claim = SMQ_NOT_QUIET;
	err = smq_pollable_join(q->pollable, &s->watched, fd, q->producer, cookie);
	smq_handle_free_pollable(q);
	return err;
}

int shmemq_set_add(struct shmemq_set *s, struct shmemq *q, void *cookie)
{
	int err, cancel;

	if (!smq_can_wait(q))
		return smq_refuse(q, SMQ_WAITING_ROLES);
	cancel = smq_cancel_disable();
	err = add(s, q, cookie);
	smq_cancel_restore(cancel);
	return err != 0 ? smq_fail(err) : 0;
}

int shmemq_set_remove(struct shmemq_set *s, struct shmemq *q)
{
	int err = check_set(s), cancel;

	if (err != 0)
		return smq_fail(err);
	if (!smq_can_wait(q))
		return smq_refuse(q, SMQ_WAITING_ROLES);
	if (q->pollable == NULL || q->pollable->member.set != &s->watched)
		return smq_fail(ENOENT);
	cancel = smq_cancel_disable();
	smq_watchset_remove(&q->pollable->member);
	smq_handle_free_pollable(q);
	smq_cancel_restore(cancel);
	return 0;
}

/* Waits until something is reported, or the deadline. 0, EAGAIN, EINTR, ETIMEDOUT. */
static int wait_for_report(struct shmemq_set *s, int64_t timeout, int64_t deadline)
{
	struct pollfd fd = { .fd = s->watched.fds.pollfd, .events = POLLIN };
	int64_t left = 0;
	struct timespec time;

	if (timeout == 0)
		return EAGAIN;
	if (deadline != INT64_MAX && (left = deadline - smq_now_ns()) <= 0)
		return ETIMEDOUT;
	time.tv_sec = (time_t)(left / SMQ_NS_PER_S);
	time.tv_nsec = (long)(left % SMQ_NS_PER_S);
	return ppoll(&fd, 1, deadline != INT64_MAX ? &time : NULL, NULL) < 0 && errno == EINTR ? EINTR : 0;
}

int shmemq_set_wait(struct shmemq_set *s, void **cookies, int max, int64_t timeout)
{
	int count = 0, err, cancel;
	int64_t deadline;

	err = check_set(s);
	if (err == 0 && (cookies == NULL || max < 1))
		err = EINVAL;
	if (err != 0)
		return smq_fail(err);
	cancel = smq_cancel_disable();
	deadline = timeout != 0 ? smq_deadline(smq_now_ns(), timeout) : 0;
	while (err == 0 && (count = smq_watchset_collect(&s->watched, cookies, max)) == 0) {
		err = check_fds(s);
		if (err == 0)
			err = wait_for_report(s, timeout, deadline);
	}
	smq_cancel_restore(cancel);
	return err != 0 ? smq_fail(err) : count;
}
