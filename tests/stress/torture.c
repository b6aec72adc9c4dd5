/* SPDX-License-Identifier: MIT */
/*
 * SIGKILL at random. Producers and consumers are killed by a timer of their own, anywhere from their first instruction
 * on, or by this program, one or both; or they stop for a while, close and come back, or exit. Each successor judges by
 * the audit what it finds. $TEST_SECONDS, $TEST_SEED; the same seed makes the same choices, but time decides where a
 * kill falls.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "shmemq.h"
#include "stress.h"
#include "torture_child.h"
#include "traffic.h"

#define STALL_NS      (60 * STRESS_S) /* without a message for so long, there never will be one */
#define LIFE_LEAST_NS 500
#define LIFE_MOST_NS  (20 * STRESS_MS)

struct process {
	const char *role;
	pid_t pid; /* 0: none runs */
	uint64_t kills;
	uint64_t started;
};

struct torture {
	struct stress stress;
	struct audit *audit;
	int audit_fd;
	uint32_t epoch;
	struct process producer, consumer;
	uint64_t rounds;
};

static uint64_t dice(struct torture *t, uint64_t sides)
{
	return traffic_random(&t->stress.random) % sides;
}

static void violation(struct torture *t, const char *what)
{
	fprintf(stderr, "torture: %s\n", what);
	t->audit->violations++;
}

/* Starts one side. `life`: ns until it kills itself; 0: it does not. */
static void start(struct torture *t, struct process *p, int64_t life)
{
	char fd[16], epoch[16], random[32], lifetime[32];
	char *argv[] = { (char *)"torture", (char *)p->role, t->stress.name, fd, epoch, random, lifetime, NULL };

	snprintf(fd, sizeof fd, "%d", t->audit_fd);
	snprintf(epoch, sizeof epoch, "%" PRIu32, p == &t->producer ? ++t->epoch : 0);
	snprintf(random, sizeof random, "%" PRIu64, traffic_random(&t->stress.random));
	snprintf(lifetime, sizeof lifetime, "%" PRId64, life);
	p->started++;
	p->pid = stress_fork();
	if (p->pid == 0) {
		execv("/proc/self/exe", argv);
		_exit(126);
	}
}

static void ended(struct torture *t, struct process *p, int status)
{
	p->pid = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		p->kills++;
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "torture: a %s ended with %s\n", p->role, stress_status(status));
		t->audit->violations++;
	}
	if (p == &t->consumer)
		audit_consumer_gone(t->audit);
}

/* Notes which sides have ended. */
static void reap(struct torture *t)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		ended(t, pid == t->producer.pid ? &t->producer : &t->consumer, status);
}

static void kill_process(struct torture *t, struct process *p)
{
	int status;

	if (p->pid == 0)
		return;
	kill(p->pid, SIGKILL);
	if (waitpid(p->pid, &status, 0) == p->pid)
		ended(t, p, status);
}

/* Until one of the children changes its state, or `ns` have passed. */
static void pause_for(int64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / STRESS_S), .tv_nsec = (long)(ns % STRESS_S) };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigtimedwait(&set, NULL, &ts);
}

/* Kills or stops a side that runs, or not. */
static void interfere(struct torture *t)
{
	struct process *one = dice(t, 2) ? &t->producer : &t->consumer, *other;

	other = one == &t->producer ? &t->consumer : &t->producer;
	switch (dice(t, 16)) {
	case 0: /* both at once */
		if (one->pid != 0 && other->pid != 0) {
			kill(one->pid, SIGKILL);
			kill(other->pid, SIGKILL);
		}
		break;
	case 1: /* one stops, and continues; or is killed while it is stopped */
		if (one->pid != 0)
			kill(one->pid, SIGSTOP);
		pause_for(stress_magnitude(&t->stress.random, 1000, 10 * STRESS_MS));
		reap(t);
		if (one->pid != 0)
			kill(one->pid, dice(t, 2) ? SIGCONT : SIGKILL);
		break;
	case 2:
		if (one->pid != 0)
			kill(one->pid, SIGKILL);
		break;
	default:
		break;
	}
}

/* Both sides are killed soon, or one of them later, so that the other is killed in the middle of traffic. */
static void storm(struct torture *t, int64_t until)
{
	uint64_t survivor = dice(t, 3);

	while (stress_now() < until && t->epoch < AUDIT_EPOCHS - 8 && t->audit->violations == 0) {
		struct process *sides[] = { &t->producer, &t->consumer };

		reap(t);
		for (int i = 0; i < 2; i++) {
			int64_t least = (uint64_t)i == survivor ? LIFE_MOST_NS / 2 : LIFE_LEAST_NS;

			if (sides[i]->pid == 0)
				start(t, sides[i], stress_magnitude(&t->stress.random, least, LIFE_MOST_NS));
		}
		pause_for(stress_magnitude(&t->stress.random, 1000, 5 * STRESS_MS));
		reap(t);
		interfere(t);
	}
	kill_process(t, &t->producer);
	kill_process(t, &t->consumer);
}

static void print_state(const struct torture *t)
{
	struct shmemq *q = shmemq_open(t->stress.name, SHMEMQ_OBSERVER, 0, NULL);
	struct shmemq_stat st;

	if (q != NULL && shmemq_stat(q, &st) == 0)
		fprintf(stderr, "torture: queued %" PRIu64 " bytes, producer %u, consumer %u, waiting %u\n",
			st.queued_bytes, st.producer, st.consumer, st.waiting);
	if (q != NULL)
		shmemq_close(q);
}

/* How many messages there were, and when that number last changed. */
struct progress {
	uint64_t messages;
	int64_t at;
};

/* The first time, `last` is zeroed. */
static bool stalled(const struct torture *t, struct progress *last)
{
	struct progress now = { t->audit->messages, stress_now() };

	if (last->at == 0 || now.messages != last->messages)
		*last = now;
	return now.at - last->at > STALL_NS;
}

/* Waits for a side to end by itself. */
static void await_end(struct torture *t, const struct process *p)
{
	struct progress last = { 0, 0 };

	while (p->pid != 0 && !stalled(t, &last)) {
		pause_for(10 * STRESS_MS);
		reap(t);
	}
	if (p->pid != 0) {
		violation(t, "a stall: a side does not come to its end");
		print_state(t);
	}
}

/* Neither side is killed: messages have to pass. */
static void peace(struct torture *t)
{
	uint64_t goal = t->audit->messages + 200 + dice(t, 2000);
	struct progress last = { 0, 0 };

	start(t, &t->producer, 0);
	start(t, &t->consumer, 0);
	while (t->audit->messages < goal && t->audit->violations == 0) {
		pause_for(STRESS_MS);
		reap(t);
		if (stalled(t, &last)) {
			violation(t, "a stall: both sides run, and no message passes");
			print_state(t);
		}
	}
}

/* The producer ends, the consumer reads the rest: what was committed must have arrived. */
static void drain(struct torture *t)
{
	t->audit->stop = 1;
	if (dice(t, 2)) {
		kill_process(t, &t->producer);
		if (dice(t, 2)) {
			kill_process(t, &t->consumer);
			start(t, &t->consumer, 0);
		}
	}
	await_end(t, &t->producer);
	await_end(t, &t->consumer);
	if (t->audit->violations == 0 && audit_missing(t->audit) != 0)
		violation(t, "the queue is read, and the last messages have not come");
	kill_process(t, &t->producer);
	kill_process(t, &t->consumer);
}

/* One queue. */
static void round_of(struct torture *t)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), capacity = dice(t, 2) || page > 65536 ? page : 65536;
	uint32_t alignment = stress_alignment(&t->stress.random, capacity);

	t->rounds++;
	t->epoch = 0;
	t->audit->capacity = capacity;
	t->audit->capacity_max = (uint64_t)capacity << (dice(t, 2) ? dice(t, 5) : 0);
	audit_reset(t->audit, traffic_random(&t->stress.random),
		    stress_message_max(capacity, t->audit->capacity_max, alignment), alignment);
	storm(t, stress_now() + stress_magnitude(&t->stress.random, 100 * STRESS_MS, STRESS_S));
	peace(t);
	drain(t);
	if (shmemq_unlink(t->stress.name) != 0)
		violation(t, strerror(errno));
}

int main(int argc, char **argv)
{
	struct torture t = { .producer.role = "produce", .consumer.role = "consume" };
	sigset_t set;

	if (argc > 1)
		coverage_exit(torture_child(argc, argv)); /* not exit: the leak sanitizer hangs on a SIGCONT in it */
	if (access("/proc/self/exe", X_OK) != 0) {
		printf("skipped: no /proc, through which it executes itself\n");
		return STRESS_SKIP;
	}
	stress_begin(&t.stress, "torture", 3);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t.audit_fd = memfd_create("audit", 0);
	if (t.audit_fd < 0 || ftruncate(t.audit_fd, sizeof *t.audit) != 0 ||
	    (t.audit = mmap(NULL, sizeof *t.audit, PROT_READ | PROT_WRITE, MAP_SHARED, t.audit_fd, 0)) == MAP_FAILED)
		stress_fail("no shared memory");
	do
		round_of(&t);
	while (!stress_over(&t.stress) && t.audit->violations == 0);
	return stress_end(&t.stress, t.audit->violations,
			  "%" PRIu64 " queues, %" PRIu64 " kills of %" PRIu64 " producers, %" PRIu64 " of %" PRIu64
			  " consumers, %" PRIu64 " messages, %" PRIu64 " redelivered",
			  t.rounds, t.producer.kills, t.producer.started, t.consumer.kills, t.consumer.started,
			  t.audit->messages, t.audit->redelivered);
}
