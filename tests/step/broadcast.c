/* SPDX-License-Identifier: MIT */
/*
 * A broadcast queue, one instruction at a time. A process opens the consumer end, pops, or closes it; or it shares the
 * producer end, and pushes where it has to look for the slowest. After each instruction that has changed the shared
 * memory, the others go on for as long as they can. And it is killed, at some instructions, evenly spread, as many as
 * there is time for; with a long $TEST_SECONDS, at all of them. The messages are consecutive numbers: each consumer
 * gets all of them from its first on, and the producer never waits for one that is dead.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acquire.h"
#include "stress.h"
#include "tracee.h"
#include "traffic.h"

#define LAPS   3
#define PUSHES 4
#define NONE   UINT32_MAX /* a consumer that has popped nothing yet */

/* What the victim tells this process. */
struct told {
	_Atomic uint32_t pushed;  /* numbers below this have been pushed */
	_Atomic uint32_t pushing; /* the victim may have pushed those below this */
	_Atomic bool opened;
};

struct reader {
	struct shmemq *q;
	uint32_t next; /* the number that it is to get, or NONE */
};

static struct stress stress;
static struct told *told;
static unsigned char *memory, *last;
static size_t bytes;
static struct shmemq *producer;
static struct reader fast, fickle; /* this process's */
static struct reader victim;       /* of the traced process */
static uint64_t kills, states;

static struct shmemq *open_end(unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_BROADCAST };
	struct shmemq *q = shmemq_open(stress.name, flags | SHMEMQ_CREATE, 0600, &attr);

	if (q == NULL)
		stress_fail("open");
	return q;
}

static struct reader open_reader(void)
{
	return (struct reader){ open_end(SHMEMQ_CONSUMER | SHMEMQ_NONBLOCK), NONE };
}

static void check(struct reader *reader, const void *message, size_t size)
{
	uint32_t number;

	errno = 0;
	if (size != sizeof number)
		stress_fail("a message of %zu bytes", size);
	memcpy(&number, message, sizeof number);
	if (reader->next != NONE && number != reader->next)
		stress_fail("%" PRIu32 " in place of %" PRIu32, number, reader->next);
	reader->next = number + 1;
}

/* Pops one in place or copied, or a batch. false: there is none. */
static bool pop(struct reader *reader, unsigned way)
{
	struct shmemq_msg msgs[5];
	const void *message;
	uint32_t number;
	ssize_t size;
	int count;

	if (way % 3 == 0) {
		size = shmemq_pop(reader->q, &number, sizeof number, NULL);
		if (size >= 0)
			check(reader, &number, (size_t)size);
		return size >= 0;
	}
	if (way % 3 == 1) {
		message = shmemq_pop_start(reader->q, &(size_t){ 0 }, NULL);
		if (message != NULL)
			check(reader, message, sizeof number);
		return message != NULL && shmemq_pop_end(reader->q) == 0;
	}
	count = shmemq_popm_start(reader->q, msgs, 5, 0);
	for (int i = 0; i < count; i++)
		check(reader, msgs[i].data, msgs[i].size);
	return count > 0 && shmemq_popm_end(reader->q, (unsigned)count) == 0;
}

static void drain(struct reader *reader)
{
	unsigned way = 0;

	while (pop(reader, way++))
		;
	if (errno != EAGAIN && errno != EPIPE && errno != EOWNERDEAD)
		stress_fail("pop");
}

/* Pushes at most so many; stops when the ring is full. */
static void push(struct shmemq *q, uint32_t most)
{
	while (most-- > 0) {
		uint32_t number = told->pushed;

		told->pushing = number + 1;
		if (shmemq_timedpush(q, &number, sizeof number, 0, 0) != 0) {
			if (errno != EAGAIN)
				stress_fail("push");
			return;
		}
		told->pushed = number + 1;
	}
}

/* The victim's. */
static int opens(void *unused)
{
	(void)unused;
	victim = open_reader();
	return 0;
}

static int opens_and_pops(void *unused)
{
	opens(unused);
	told->opened = true;
	drain(&victim);
	return victim.next != NONE && victim.next != told->pushed;
}

static int pops(void *unused)
{
	(void)unused;
	for (unsigned way = 0; way < 3; way++)
		pop(&victim, way);
	return 0;
}

static int closes(void *unused)
{
	(void)unused;
	return shmemq_close(victim.q) != 0;
}

static int opens_producer(void *unused)
{
	(void)unused;
	victim.q = open_end(SHMEMQ_PRODUCER | SHMEMQ_SHARED);
	return 0;
}

static int pushes(void *unused)
{
	(void)unused;
	push(victim.q, PUSHES);
	return 0;
}

static const struct act {
	const char *what;
	bool produces;
	int (*prepare)(void *), (*run)(void *);
} acts[] = {
	{ "open", false, NULL, opens_and_pops },
	{ "pop", false, opens, pops },
	{ "close", false, opens, closes },
	{ "push", true, opens_producer, pushes },
};

/* What the others do meanwhile. On a SHARED end whose lock the victim has, only the consumers can. */
static void go_on(const struct act *act)
{
	if (!act->produces)
		push(producer, NONE);
	drain(&fast);
	/* Not while the victim may have the init lock. */
	if ((act->produces || act->run == pops) && traffic_random(&stress.random) % 4 == 0) {
		shmemq_close(fickle.q);
		fickle = open_reader();
	}
	drain(&fickle);
}

static void begin(const struct act *act, struct tracee *tracee)
{
	told->pushed = told->pushing = 0;
	told->opened = false;
	producer = open_end(SHMEMQ_PRODUCER | SHMEMQ_SHARED);
	push(producer, (uint32_t)(traffic_random(&stress.random) % 1000)); /* any place in the ring */
	fast = open_reader();
	fickle = open_reader();
	if (!tracee_start(tracee, act->prepare, act->run, NULL))
		stress_fail("%s: cannot be prepared", act->what);
	push(producer, 5);
	if (act->produces) { /* it has to look, and then finds some space */
		push(producer, NONE);
		drain(&fickle);
		for (unsigned way = 0; way < 6; way++)
			pop(&fast, way);
	}
}

/* The victim has ended, by a kill or not. Nobody waits for it, and nobody has lost anything. */
static void end(const struct act *act)
{
	if (act->produces && *producer->ownerlock.word != 0) { /* as a call does after it has waited long enough */
		if (smq_ownerlock_recover(&producer->ownerlock, producer->fd, producer->forks, true) != 0)
			stress_fail("the owner lock");
		smq_unlock_owner(producer);
	}
	if (act->produces) { /* which it may have pushed: `fast` has the last one */
		shmemq_close(open_end(SHMEMQ_PRODUCER | SHMEMQ_SHARED));
		drain(&fast);
		if (fast.next < told->pushed || fast.next > told->pushing)
			stress_fail("%" PRIu32 " of %" PRIu32 " messages arrived", fast.next, told->pushed);
		told->pushed = fast.next;
	}
	smq_readers_probe(producer);
	for (int lap = 0; lap < LAPS; lap++) {
		uint32_t before = told->pushed;

		drain(&fickle);
		drain(&fast);
		push(producer, NONE);
		errno = 0;
		if (told->pushed < before + 200)
			stress_fail("only %" PRIu32 " messages fit", told->pushed - before);
	}
	drain(&fast);
	drain(&fickle);
	errno = 0;
	if (fast.next != told->pushed || fickle.next != told->pushed)
		stress_fail("messages are missing");
	shmemq_close(fast.q);
	shmemq_close(fickle.q);
	shmemq_close(producer);
}

/* The others go on after each instruction that has changed something. How many instructions there were. */
static uint64_t step_through(const struct act *act)
{
	struct tracee tracee;
	uint64_t at = 0;

	begin(act, &tracee);
	do {
		if (memcmp(last, memory, bytes) != 0) {
			go_on(act);
			memcpy(last, memory, bytes);
			states++;
		}
		at++;
	} while (tracee_go(&tracee, PTRACE_SINGLESTEP) && !told->opened);
	if (told->opened)
		tracee_finish(&tracee);
	errno = 0;
	if (tracee.status != 0)
		stress_fail("%s ended with %s", act->what, stress_status(tracee.status));
	end(act);
	return at;
}

static void kill_at(const struct act *act, uint64_t at)
{
	struct tracee tracee;

	begin(act, &tracee);
	tracee_kill_at(&tracee, PTRACE_SINGLESTEP, at);
	if (traffic_random(&stress.random) % 2 && !act->produces)
		go_on(act);
	end(act);
	kills++;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	return b == 0 ? a : common_divisor(b, a % b);
}

static void pass(void)
{
	const size_t count = sizeof acts / sizeof acts[0];

	for (size_t i = 0; i < count; i++) {
		uint64_t instructions = step_through(&acts[i]), step = instructions * 618 / 1000 + 1, done = 0;
		int64_t now = stress_now(), until = now + (stress.end - now) / (int64_t)(count - i);

		/* Evenly spread; all of them if there is time. */
		while (common_divisor(step, instructions) != 1)
			step++;
		for (uint64_t at = 0; done < instructions && (done == 0 || stress_now() < until); done++) {
			kill_at(&acts[i], at);
			at = (at + step) % instructions;
		}
		printf("%s: %" PRIu64 " instructions, killed after %" PRIu64 " of them\n", acts[i].what, instructions,
		       done);
		fflush(stdout);
	}
}

int main(void)
{
	if (!tracee_may_step())
		return STRESS_SKIP;
	stress_begin(&stress, "step_broadcast", 3);
	told = stress_shared(sizeof *told);
	producer = open_end(SHMEMQ_PRODUCER | SHMEMQ_SHARED);
	bytes = smq_header_bytes(producer) + (size_t)smq_capacity(producer);
	shmemq_close(producer);
	memory = stress_map(stress.name, bytes);
	last = calloc(1, bytes);
	if (memory == NULL || last == NULL)
		stress_fail("memory");
	do
		pass();
	while (!stress_over(&stress));
	return stress_end(&stress, 0, "%" PRIu64 " states, %" PRIu64 " kills", states, kills);
}
