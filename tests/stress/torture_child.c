/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"
#include "torture_child.h"
#include "traffic.h"

#define SHORT_NS 20000
#define OPEN_NS  (3 * STRESS_S)

struct child {
	struct side side;
	const char *name;
	uint64_t random;
	bool peaceful; /* it is not killed, and goes on until it is told to stop */
	bool hot;      /* it never pauses, so the kill falls within a call */
	int64_t life;  /* ns until it kills itself, from before or after its first open */
};

static uint64_t dice(struct child *c, uint64_t sides)
{
	return traffic_random(&c->random) % sides;
}

/* SIGKILL from a timer, which comes between any two instructions. 0: never. */
static bool die_after(int64_t ns)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec life = { .it_value = { .tv_sec = (time_t)(ns / STRESS_S),
						 .tv_nsec = (long)(ns % STRESS_S) } };
	timer_t timer;

	if (ns == 0)
		return true;
	return timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &life, NULL) == 0;
}

/* The first side creates the queue. */
static bool open_end(struct child *c, unsigned end)
{
	uint32_t alignment = c->side.audit->alignment;
	struct shmemq_attr attr = { .capacity = c->side.audit->capacity,
				    .capacity_max = c->side.audit->capacity_max,
				    .alignment = alignment };
	unsigned flags = end | SHMEMQ_CREATE;

	if (!c->peaceful)
		flags |= (dice(c, 2) ? SHMEMQ_STAY : 0) | (dice(c, 4) == 0 ? SHMEMQ_NONBLOCK : 0);
	for (int64_t deadline = stress_now() + OPEN_NS; stress_now() < deadline;) {
		c->side.q = shmemq_open(c->name, flags, 0600, &attr);
		if (c->side.q != NULL)
			return true;
		if (errno != ETIMEDOUT)
			break; /* ETIMEDOUT: the peer was stopped, or off its processor, in an open or close */
	}
	side_failed(&c->side, "open", errno);
	return false;
}

static bool close_end(struct child *c)
{
	if (shmemq_close(c->side.q) == 0 || errno == ETIMEDOUT)
		return true;
	side_failed(&c->side, "close", errno);
	return false;
}

/* For ever, none, or short. */
static int64_t timeout(struct child *c)
{
	return dice(c, 2) ? -1 : dice(c, 2) ? 0 : SHORT_NS;
}

/* Can the side go on after this failure? */
static bool harmless(struct child *c, int err)
{
	if (err == EPIPE || err == EOWNERDEAD)
		stress_sleep(SHORT_NS); /* a peer will come back */
	else if (err != 0 && err != EAGAIN && err != ETIMEDOUT && err != EPROTO)
		err = side_failed(&c->side, "the call", err);
	return err != EPROTO;
}

/* A pause between two calls, in which the kill may come. */
static void dawdle(struct child *c)
{
	if (!c->hot && dice(c, 32) == 0)
		stress_sleep(stress_magnitude(&c->random, 1000, 200000));
}

/*
 * After a number of messages the end is closed. Most processes then go on with a new claim; some exit, and some exit
 * without the close.
 */
static bool goes_on(struct child *c)
{
	if (!c->peaceful && dice(c, 8) == 0)
		_exit(0);
	if (!close_end(c))
		exit(1);
	return c->peaceful || dice(c, 4) != 0;
}

/* The first claim: some are killed before they have it, some with it. */
static bool begin(struct child *c, unsigned end)
{
	if (dice(c, 2))
		return die_after(c->life) && open_end(c, end);
	return open_end(c, end) && die_after(c->life);
}

/* Some processes have one processor only: they do not spin. */
static void choose_processors(struct child *c)
{
	cpu_set_t all, one;
	unsigned skip;

	if (dice(c, 4) != 0 || sched_getaffinity(0, sizeof all, &all) != 0)
		return;
	skip = (unsigned)dice(c, (uint64_t)CPU_COUNT(&all));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &all) && skip-- == 0) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof one, &one);
			return;
		}
	}
}

static int produce(struct child *c)
{
	struct side *side = &c->side;

	do {
		if (side->q == NULL ? !begin(c, SHMEMQ_PRODUCER) : !open_end(c, SHMEMQ_PRODUCER))
			return 1;
		for (int64_t i = stress_magnitude(&c->random, 1, 3000); i > 0 && !side->audit->stop; i--) {
			dawdle(c);
			if (!harmless(c, side_push(side, (enum side_push_way)dice(c, SIDE_PUSH_WAYS), timeout(c))))
				return 1;
		}
		if (dice(c, 4) == 0) {
			void *unfinished = shmemq_timedpush_start(side->q, 8, 0);

			if (unfinished != NULL)
				memset(unfinished, 0x55, 8);
		}
	} while (goes_on(c) && !side->audit->stop);
	return 0;
}

static int pop_once(struct child *c)
{
	enum side_pop_way way = (enum side_pop_way)dice(c, SIDE_POP_WAYS);
	audit_name held;
	unsigned many;
	int err;

	if (way == SIDE_POP_MANY) {
		err = side_popm_start(&c->side, timeout(c), &many);
		if (err != 0)
			return err;
		dawdle(c);
		return side_popm_end(&c->side, many);
	}
	if (way != SIDE_POP_IN_PLACE)
		return side_pop(&c->side, way, timeout(c));
	err = side_pop_start(&c->side, timeout(c), &held);
	if (err != 0)
		return err;
	dawdle(c);
	return side_pop_end(&c->side, held);
}

static int consume(struct child *c)
{
	struct side *side = &c->side;
	audit_name held;
	unsigned many;
	int err;

	do {
		if (side->q != NULL)
			audit_consumer_gone(side->audit); /* it has closed: what follows is a new consumer */
		if (side->q == NULL ? !begin(c, SHMEMQ_CONSUMER) : !open_end(c, SHMEMQ_CONSUMER))
			return 1;
		for (int64_t i = stress_magnitude(&c->random, 1, 3000); i > 0; i--) {
			dawdle(c);
			err = pop_once(c);
			if (side->audit->stop && (err == EPIPE || err == EOWNERDEAD))
				return !close_end(c); /* all is read */
			if (!harmless(c, err))
				return 1;
		}
		/* A close with a lease returns the messages. */
		if (dice(c, 4) == 0 &&
		    !harmless(c, dice(c, 2) ? side_pop_start(side, 0, &held) : side_popm_start(side, 0, &many)))
			return 1;
	} while (goes_on(c));
	return 0;
}

int torture_child(int argc, char **argv)
{
	struct child c = { 0 };
	int status;

	if (argc != 7)
		return 2;
	c.life = strtoll(argv[6], NULL, 0);
	c.peaceful = c.life == 0;
	c.name = argv[2];
	c.random = strtoull(argv[5], NULL, 0);
	c.hot = dice(&c, 4) != 0;
	choose_processors(&c);
	c.side.label = argv[1];
	c.side.audit = mmap(NULL, sizeof *c.side.audit, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
	if (c.side.audit == MAP_FAILED)
		return 3;
	c.side.next = AUDIT_NAME(strtoul(argv[4], NULL, 0), 1);
	c.side.buffer = malloc(c.side.audit->message_max);
	if (c.side.buffer == NULL)
		return 4;
	status = strcmp(argv[1], "produce") == 0 ? produce(&c) : consume(&c);
	free(c.side.buffer);
	return status;
}
