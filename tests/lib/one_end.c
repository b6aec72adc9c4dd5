/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <signal.h>
#include <sys/wait.h>

#include "calls.h"
#include "child.h"
#include "one_end.h"
#include "support.h"

const unsigned both_ends[2] = { SHMEMQ_PRODUCER, SHMEMQ_CONSUMER };

unsigned other_end(unsigned end)
{
	return SHMEMQ_PRODUCER + SHMEMQ_CONSUMER - end;
}

struct shmemq *end_join(const char *name, unsigned end)
{
	return test_open(name, end | SHMEMQ_SHARED | SHMEMQ_CREATE, 1);
}

int end_move(struct shmemq *q, unsigned end, int64_t timeout)
{
	char buf[CALL_BYTES] = "";

	return end == SHMEMQ_PRODUCER ? shmemq_timedpush(q, buf, sizeof buf, 0, timeout)
				      : (int)shmemq_timedpop(q, buf, sizeof buf, NULL, timeout);
}

int end_try(struct shmemq *q, unsigned end)
{
	return end_move(q, end, 0);
}

bool end_begin(struct shmemq *q, unsigned end)
{
	size_t size;

	return end == SHMEMQ_PRODUCER ? shmemq_timedpush_start(q, CALL_BYTES, 0) != NULL
				      : shmemq_timedpop_start(q, &size, NULL, 0) != NULL;
}

int end_finish(struct shmemq *q, unsigned end)
{
	return end == SHMEMQ_PRODUCER ? shmemq_push_end(q, CALL_BYTES, 0) : shmemq_pop_end(q);
}

struct place {
	const char *name;
	int fd;
	unsigned end;
};

static int hold(const void *argument)
{
	const struct place *place = argument;
	unsigned flags = place->end | SHMEMQ_SHARED;
	struct shmemq *q =
		place->name != NULL ? shmemq_open(place->name, flags, 0, NULL) : shmemq_fdopen(place->fd, flags);

	CHECK(q != NULL && end_begin(q, place->end));
	raise(SIGSTOP);
	CHECK(end_finish(q, place->end) == 0 && shmemq_close(q) == 0);
	return 0;
}

pid_t end_hold(const char *name, int fd, unsigned end)
{
	pid_t pid = child_start(hold, &(struct place){ name, fd, end });
	int status;

	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	return pid;
}
