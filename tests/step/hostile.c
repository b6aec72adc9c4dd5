/* SPDX-License-Identifier: MIT */
/*
 * Each shared word is loaded once, checked, and only then used. A side is single-stepped through a call, while a word
 * that it reads is wrong before every second instruction, before two of every four, four of every eight and so on. Of
 * any two loads of it, one of these patterns shows the first load the right value and the second a wrong one.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acquire.h"
#include "hostile_caller.h"
#include "hostile_writer.h"
#include "stress.h"
#include "tracee.h"
#include "traffic.h"

#define MESSAGE      100
#define SMALL        24 /* a message of at most SMQ_SMALL bytes is copied in another way */
#define BATCH        4
#define PATTERN_BITS 11 /* no call here executes more than 2048 instructions between two loads of a word */

enum call { MOVE, MOVE_IN_PLACE, MOVE_MANY, MOVE_SOME_OF_MANY, OPEN };

struct act {
	const char *what;
	unsigned end;
	enum call call;
	uint32_t size; /* of the messages */
	long word;     /* offset in the header, or one of these: the size word of the first or second message */
};

#define HEAD_RECORD       (-1L)
#define NEXT_RECORD       (-2L)
#define AT(group, member) (long)(offsetof(struct smq_header, group) + offsetof(struct smq_moved, member))

static const struct act acts[] = {
	{ "pop, the size of the message", SHMEMQ_CONSUMER, MOVE, MESSAGE, HEAD_RECORD },
	{ "pop, the size of a small message", SHMEMQ_CONSUMER, MOVE, SMALL, HEAD_RECORD },
	{ "pop in place, the size of the message", SHMEMQ_CONSUMER, MOVE_IN_PLACE, MESSAGE, HEAD_RECORD },
	{ "popm, the size of the first message", SHMEMQ_CONSUMER, MOVE_MANY, SMALL, HEAD_RECORD },
	{ "popm, the size of another message", SHMEMQ_CONSUMER, MOVE_MANY, SMALL, NEXT_RECORD },
	{ "popm, released in part, the size of the first message", SHMEMQ_CONSUMER, MOVE_SOME_OF_MANY, SMALL,
	  HEAD_RECORD },
	{ "push, the consumer's head", SHMEMQ_PRODUCER, MOVE, MESSAGE, AT(consumer_progress, position_units) },
	{ "push of a small message, the consumer's head", SHMEMQ_PRODUCER, MOVE, SMALL,
	  AT(consumer_progress, position_units) },
	{ "push in place, the consumer's head", SHMEMQ_PRODUCER, MOVE_IN_PLACE, MESSAGE,
	  AT(consumer_progress, position_units) },
	{ "push, the consumer's room", SHMEMQ_PRODUCER, MOVE, SMALL, offsetof(struct smq_header, consumer_room) },
	{ "pushm, the consumer's room", SHMEMQ_PRODUCER, MOVE_MANY, SMALL, offsetof(struct smq_header, consumer_room) },
	{ "pushm, the consumer's head", SHMEMQ_PRODUCER, MOVE_MANY, SMALL, AT(consumer_progress, position_units) },
	{ "open, the producer's tail", SHMEMQ_PRODUCER, OPEN, MESSAGE, AT(producer_progress, position_units) },
	{ "open, a record after the tail", SHMEMQ_PRODUCER, OPEN, MESSAGE, HEAD_RECORD },
	{ "open, the consumer's head", SHMEMQ_CONSUMER, OPEN, MESSAGE, AT(consumer_progress, position_units) },
	{ "open, the end of the lease", SHMEMQ_CONSUMER, OPEN, MESSAGE, AT(consumer_progress, lease_units) },
	{ "open, the capacity", SHMEMQ_CONSUMER, OPEN, MESSAGE, offsetof(struct smq_identity, capacity) },
	{ "open, the alignment", SHMEMQ_CONSUMER, OPEN, MESSAGE, offsetof(struct smq_identity, alignment) },
};

static struct stress stress;
static uint32_t page; /* bytes, and the capacity of the ring */
static uint32_t alignment;
static struct hostile_queue queue;
static struct hostile_counts *counts;
static _Atomic bool *done; /* shared with the victim: its call has returned */
static struct caller victim;
static struct writer writer;

static int open_end(void *unused)
{
	(void)unused;
	return !caller_open(&victim);
}

static void pop(bool in_place)
{
	const void *at = victim.buffer;
	size_t size = 0;

	if (in_place) {
		at = shmemq_timedpop_start(victim.q, &size, NULL, 0);
		if (at != NULL)
			shmemq_pop_end(victim.q);
	} else {
		size = (size_t)shmemq_timedpop(victim.q, victim.buffer, caller_message_max(&victim), NULL, 0);
	}
	*done = true;
	if (at == NULL || size == SIZE_MAX)
		caller_moved(&victim, "pop", 0);
	else if (!in_place || caller_within(&victim, "pop_start", at, size))
		caller_moved(&victim, "pop", smq_record_units(&victim.q->ring, (uint32_t)size));
}

static void pop_many(bool all)
{
	struct shmemq_msg msgs[BATCH];
	uint32_t held = 0, moved;
	int count = shmemq_popm_start(victim.q, msgs, BATCH, 0), ret = 0;

	for (int i = 0; i < count && caller_within(&victim, "popm_start", msgs[i].data, msgs[i].size); i++)
		held += smq_record_units(&victim.q->ring, (uint32_t)msgs[i].size);
	if (count > 0)
		ret = shmemq_popm_end(victim.q, all ? (unsigned)count : 1);
	*done = true;
	/* The end of a batch that is not released whole reads the sizes again. */
	moved = victim.q->ring.position - victim.before.position;
	if (all || ret != 0)
		caller_moved(&victim, "popm", ret == 0 ? held : 0);
	else if (moved > held)
		caller_moved(&victim, "popm", held);
}

static void push_many(uint32_t size)
{
	struct shmemq_msg msgs[BATCH];
	int count;

	for (int i = 0; i < BATCH; i++)
		msgs[i] = (struct shmemq_msg){ .data = victim.buffer, .size = size };
	count = shmemq_pushm(victim.q, msgs, BATCH, 0);
	*done = true;
	caller_moved(&victim, "pushm", count > 0 ? (size_t)count * smq_record_units(&victim.q->ring, size) : 0);
}

static void push(bool in_place, uint32_t size)
{
	int ret;

	if (in_place)
		ret = shmemq_timedpush_start(victim.q, size, 0) != NULL ? shmemq_push_end(victim.q, size, 1) : -1;
	else
		ret = shmemq_timedpush(victim.q, victim.buffer, size, 1, 0);
	*done = true;
	caller_moved(&victim, "push", ret == 0 ? smq_record_units(&victim.q->ring, size) : 0);
}

static int run(void *act)
{
	const struct act *a = act;
	bool many = a->call == MOVE_MANY || a->call == MOVE_SOME_OF_MANY;

	if (a->call == OPEN && !caller_open(&victim)) {
		*done = true;
		return counts->violations != 0;
	}
	caller_begin(&victim);
	if (a->end == SHMEMQ_PRODUCER && many)
		push_many(a->size);
	else if (a->end == SHMEMQ_PRODUCER)
		push(a->call == MOVE_IN_PLACE, a->size);
	else if (many)
		pop_many(a->call == MOVE_MANY);
	else
		pop(a->call == MOVE_IN_PLACE);
	return counts->violations != 0;
}

static smq_word *word_of(const struct act *act)
{
	uint32_t head = writer.header->consumer_progress.moved.position_units;

	if (act->word == NEXT_RECORD)
		head += smq_units(act->size, alignment - 1);
	if (act->word < 0)
		return (smq_word *)(void *)(writer_ring(&writer, 0) + head % (page / 8) * 8);
	return (smq_word *)(void *)((unsigned char *)writer.header + act->word);
}

/* A full ring, so that a push reads the head, and a pop finds messages. */
static void make_queue(uint32_t size)
{
	static unsigned char message[MESSAGE];
	struct shmemq *q;

	stress_remove(stress.name);
	q = stress_open(stress.name, SHMEMQ_PRODUCER, page, alignment);
	while (shmemq_timedpush(q, message, size, 1, 0) == 0)
		;
	shmemq_close(q);
	queue = (struct hostile_queue){
		.name = stress.name, .header = page, .capacity = page, .capacity_max = page, .alignment = alignment
	};
	if (!writer_map(&writer, &queue))
		stress_fail("map");
}

/* The tail at the head, as if none of the pushes had stored it: an open then walks over the records. */
static void hide_tail(const struct act *act)
{
	if (act->call == OPEN && act->end == SHMEMQ_PRODUCER && act->word == HEAD_RECORD)
		writer.header->producer_progress.moved.position_units = smq_start_units(alignment);
}

/* One victim, one pattern. How many instructions it executed. */
static uint64_t step_through(const struct act *act, uint32_t value, unsigned bit, bool first)
{
	smq_word *word;
	uint32_t right;
	uint64_t at = 0;
	struct tracee tracee;
	bool started;

	make_queue(act->size);
	hide_tail(act);
	word = word_of(act);
	right = *word;
	*done = false;
	victim.role = act->end;
	victim.random = traffic_random(&stress.random);
	started = tracee_start(&tracee, act->call == OPEN ? NULL : open_end, run, (void *)(uintptr_t)act);
	if (started) {
		do
			*word = (at++ >> bit & 1) == first ? value : right;
		while (!*done && tracee_go(&tracee, PTRACE_SINGLESTEP));
		tracee_finish(&tracee);
	}
	if (!started || tracee.status != 0) {
		fprintf(stderr, "step_hostile: %s: %s, with %" PRIx32 " in place of %" PRIx32 ", pattern %u/%d\n",
			act->what, stress_status(tracee.status), value, right, bit, first);
		counts->violations++;
	}
	writer_unmap(&writer);
	return at;
}

/* Values that a check must refuse, or that it may accept and a later use must not see. */
static uint32_t wrong(void)
{
	const uint32_t most = page - alignment - 8; /* bytes of a message */
	const uint32_t values[] = { UINT32_MAX, 1u << 31, 1u << 30, 2 * page, page,      most + 2,
				    most + 1,   page / 8, 64,       8,        alignment, 4 };

	return values[traffic_random(&stress.random) % (sizeof values / sizeof values[0])];
}

int main(void)
{
	uint64_t passes = 0, instructions = 0;

	if (!tracee_may_step())
		return STRESS_SKIP;
	stress_begin(&stress, "step_hostile", 3);
	page = (uint32_t)sysconf(_SC_PAGESIZE);
	counts = stress_shared(sizeof *counts);
	done = stress_shared(sizeof *done);
	victim = (struct caller){
		.queue = &queue, .counts = counts, .capacity = page, .buffer = calloc(1, page), .stepped = true
	};
	while (counts->violations == 0 && !stress_over(&stress)) {
		const struct act *act = &acts[passes++ % (sizeof acts / sizeof acts[0])];

		alignment = stress_alignment(&stress.random, page);
		instructions += step_through(act, wrong(), traffic_random(&stress.random) % PATTERN_BITS,
					     traffic_random(&stress.random) % 2);
	}
	return stress_end(&stress, counts->violations, "%" PRIu64 " calls, %" PRIu64 " instructions", passes,
			  instructions);
}
