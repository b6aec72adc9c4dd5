/* SPDX-License-Identifier: MIT */
/*
 * A process that waits again and again makes few membarriers, which interrupt other processes: at most 100 at once, and
 * 50 in each further 250 ms. They are counted by ptrace(2).
 */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "suite.h"
#include "tracee.h"

#define WAITS    2000
#define AT_ONCE  100
#define A_SLICE  50
#define SLICE_NS (250 * MS)

static const char *names[2];
static struct shmemq *ping, *pong; /* where the traced process pushes, and pops */

static int open_ping(void *unused)
{
	(void)unused;
	ping = shmemq_open(names[0], SHMEMQ_PRODUCER | SHMEMQ_NOSPIN, 0, NULL);
	pong = shmemq_open(names[1], SHMEMQ_CONSUMER | SHMEMQ_NOSPIN, 0, NULL);
	return ping == NULL || pong == NULL;
}

/* Answers late enough for the other side to wait. */
static int answer(const void *unused)
{
	struct shmemq *in = test_open(names[0], SHMEMQ_CONSUMER | SHMEMQ_STAY, 0);
	struct shmemq *out = test_open(names[1], SHMEMQ_PRODUCER | SHMEMQ_STAY, 0);

	(void)unused;
	for (int i = 0; i < WAITS; i++) {
		if (shmemq_pop(in, NULL, 0, NULL) != 0)
			return 1;
		test_sleep(MS / 10);
		if (shmemq_push(out, NULL, 0, 0) != 0)
			return 1;
	}
	return 0;
}

static int sleep_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < WAITS; i++) {
		if (shmemq_push(ping, NULL, 0, 0) != 0 || shmemq_pop(pong, NULL, 0, NULL) != 0)
			return 1;
	}
	return 0;
}

static int poll_often(void *unused)
{
	struct pollfd fd = { .fd = shmemq_pollfd(pong), .events = POLLIN };

	(void)unused;
	for (int i = 0; i < WAITS; i++) {
		if (shmemq_push(ping, NULL, 0, 0) != 0)
			return 1;
		while (shmemq_timedpop(pong, NULL, 0, NULL, 0) != 0) {
			if (errno != EAGAIN || poll(&fd, 1, -1) < 0)
				return 1;
		}
	}
	return 0;
}

/* Nobody answers, so nobody acknowledges that this side waits often. */
static int time_out_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < WAITS; i++) {
		if (shmemq_timedpop(pong, NULL, 0, NULL, MS / 10) != -1 || errno != ETIMEDOUT)
			return 1;
	}
	return 0;
}

static const struct {
	int (*act)(void *);
	bool answered;
	unsigned needs;
} ways[] = { { sleep_often, true, 0 }, { poll_often, true, NEEDS_POLLFD }, { time_out_often, false, 0 } };
#define WAYS (int)(sizeof ways / sizeof ways[0])

TEST(few_membarriers)
{
	const char *missing = needs_missing(ways[_i].needs);
	unsigned membarriers = 0;
	struct tracee tracee;
	int64_t start;
	pid_t peer = 0;
	long number;

	if (missing != NULL) {
		printf("skipped: %s\n", missing);
		return;
	}
	for (int i = 0; i < 2; i++) {
		names[i] = test_name();
		ck_assert_int_eq(shmemq_close(test_open(names[i], SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	}
	if (ways[_i].answered)
		peer = child_start(answer, NULL);
	ck_assert(tracee_start(&tracee, open_ping, ways[_i].act, NULL));
	start = test_now();
	while ((number = tracee_to_call(&tracee, 0)) != -1) {
		membarriers += number == SYS_membarrier;
		tracee_go(&tracee, PTRACE_SYSCALL); /* the end of that call */
	}
	ck_assert(WIFEXITED(tracee.status) && WEXITSTATUS(tracee.status) == 0);
	if (peer != 0)
		ck_assert_int_eq(test_wait(peer), 0);
	printf("%d waits, %u membarriers, %lld ms\n", WAITS, membarriers, (long long)((test_now() - start) / MS));
	ck_assert_uint_ge(membarriers, 1);
	ck_assert_int_le(membarriers, AT_ONCE + A_SLICE * ((test_now() - start) / SLICE_NS + 1));
}

const struct suite suite = {
	.name = "api/frequent",
	.seconds = 100,
	.test_seconds = 30,
	.tests = {
		{ few_membarriers, WAYS, NEEDS_PTRACE | NEEDS_MEMBARRIER },
	},
};
