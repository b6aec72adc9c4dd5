/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "pollable.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cancel.h"
#include "clock.h"

/* Rechecks end after RECHECK_NS. The interval is the time since the first one, within these bounds. */
#define RECHECK_NS       SMQ_NS_PER_S
#define RECHECK_FIRST_NS SMQ_NS_PER_MS
#define RECHECK_LAST_NS  (512 * SMQ_NS_PER_MS)
/* Attempts to raise the descriptor. A signal may interrupt one; only a filter that always says EINTR uses up all. */
#define ATTEMPTS 100

static void start_rechecks(struct smq_pollable *pollable)
{
	int64_t now = smq_now_ns();

	pollable->peer = pollable->owner = (struct smq_recheck){ .since = now, .at = now };
}

int smq_pollable_open(struct smq_pollable *pollable, int fd, bool producer)
{
	int err = smq_pollfds_open(&pollable->fds);

	if (err == 0 && (pollable->watch = smq_pollfds_watch(&pollable->fds, fd, producer)) < 0) {
		err = smq_pollfds_error();
		smq_pollfds_close(&pollable->fds);
	}
	if (err != 0)
		return err;
	/* The first try finds what happened before the watch was added. And the peer may be about to end. */
	start_rechecks(pollable);
	smq_pollable_raise_at(pollable, SMQ_AT_ONCE);
	return 0;
}

int smq_pollable_join(struct smq_pollable *pollable, struct smq_watchset *set, int fd, bool producer, void *cookie)
{
	int err = smq_watchset_add(set, &pollable->member, fd, producer, cookie);

	if (err == 0)
		start_rechecks(pollable);
	return err;
}

void smq_pollable_forget(struct smq_pollable *pollable)
{
	smq_pollfds_forget(&pollable->fds);
	pollable->watch = -1;
	pollable->peer = pollable->owner = (struct smq_recheck){ .since = 0 };
}

bool smq_pollable_is_forgotten(const struct smq_pollable *pollable)
{
	return pollable->member.set == NULL && pollable->fds.pollfd < 0;
}

bool smq_pollable_check(struct smq_pollable *pollable)
{
	return smq_pollfds_check(&pollable->fds);
}

void smq_pollable_close(struct smq_pollable *pollable)
{
	if (pollable->member.set != NULL)
		smq_watchset_remove(&pollable->member);
	smq_pollfds_close(&pollable->fds);
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

/* What was reported of the file. */
struct reports {
	bool closed, lost; /* a death or a close; the watch is gone */
};

static void report(void *context, int watched, uint32_t mask)
{
	struct reports *reports = context;

	(void)watched; /* there is one */
	reports->closed |= (mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW)) != 0;
	reports->lost |= (mask & IN_IGNORED) != 0;
}

bool smq_pollable_clear(struct smq_pollable *pollable)
{
	struct reports reports = { .lost = pollable->watch < 0 };

	if (pollable->member.set != NULL)
		reports.lost = smq_watchset_clear(&pollable->member, &reports.closed);
	else
		(void)smq_pollfds_read(&pollable->fds, report, &reports);
	if (reports.closed || reports.lost)
		start_rechecks(pollable);
	return reports.lost;
}

void smq_pollable_watch(struct smq_pollable *pollable, int fd, bool producer)
{
	if (pollable->member.set != NULL) {
		smq_watchset_watch(&pollable->member, fd);
		return;
	}
	pollable->watch = smq_pollfds_watch(&pollable->fds, fd, producer);
	if (pollable->watch < 0)
		smq_pollable_raise_at(pollable, smq_now_ns() + SMQ_UNWATCHED_NS);
}

void smq_pollable_raise_at(struct smq_pollable *pollable, int64_t when)
{
	if (pollable->member.set != NULL)
		smq_watchset_raise_at(&pollable->member, when);
	else
		smq_pollfds_raise_at(&pollable->fds, when);
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
