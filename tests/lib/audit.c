/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "traffic.h"

/* The type carries the epoch and as much of n as fits: enough to identify a message of any size. */
#define N_BITS 20
#define N_MASK ((1u << N_BITS) - 1)

#define LARGE_ONE_OF 256

void audit_reset(struct audit *audit, uint64_t seed, uint32_t message_max, uint32_t alignment)
{
	audit->seed = seed;
	audit->message_max = message_max;
	audit->alignment = alignment;
	audit->stop = 0;
	audit->progress = 0;
	audit->started = 0;
	audit->base = 0;
	audit->unnoted_ends = 0;
	audit->unnoted_offers = 0;
	audit->held = 0;
	memset(audit->epochs, 0, sizeof audit->epochs);
}

struct audit_message audit_message(const struct audit *audit, audit_name name)
{
	uint64_t state = audit->seed ^ name * 0x9e3779b97f4a7c15u, random = traffic_random(&state);
	struct audit_message message = { .name = name, .content = traffic_random(&state) };

	if (random % LARGE_ONE_OF != 0)
		message.size = random >> 16 & (random >> 8 & 1 ? 255 : 15);
	else
		message.size = (uint32_t)((random >> 16) % ((uint64_t)audit->message_max + 1));
	message.type = AUDIT_EPOCH(name) << N_BITS | (AUDIT_N(name) & N_MASK);
	return message;
}

void audit_consumer_gone(struct audit *audit)
{
	uint64_t progress = audit->progress;
	uint32_t messages = progress >> 2 & AUDIT_BATCH;

	if (audit_ended(audit) != audit->base) {
		audit->base = audit_ended(audit);
		audit->unnoted_ends = 0;
	}
	if ((progress & 3) == AUDIT_RELEASING)
		audit->unnoted_ends += messages;
	if ((progress & 3) == AUDIT_OFFERING && audit->unnoted_offers < audit->unnoted_ends + messages)
		audit->unnoted_offers = audit->unnoted_ends + messages;
	audit->held = audit->started;
	audit_intend(audit, AUDIT_NOTHING, 0);
}

/* How many messages of an epoch were committed for certain: noted by the producer, or delivered. */
static uint64_t pushed(const struct audit *audit, uint32_t epoch)
{
	uint64_t noted = audit->epochs[epoch].pushed, seen = AUDIT_N(audit->started);

	return epoch == AUDIT_EPOCH(audit->started) && seen > noted ? seen : noted;
}

/* How many messages were committed for certain after `from` and before `to`. */
static uint64_t between(const struct audit *audit, audit_name from, audit_name to)
{
	uint64_t count = pushed(audit, AUDIT_EPOCH(from));

	if (AUDIT_EPOCH(from) == AUDIT_EPOCH(to))
		return AUDIT_N(to) - AUDIT_N(from) - 1;
	count = count > AUDIT_N(from) ? count - AUDIT_N(from) : 0;
	for (uint32_t epoch = AUDIT_EPOCH(from) + 1; epoch < AUDIT_EPOCH(to); epoch++)
		count += pushed(audit, epoch);
	return count + AUDIT_N(to) - 1;
}

/* The name in a type, as near to the message `last` as can be. 0: there is no such epoch. */
static audit_name name_in(audit_name last, uint32_t type)
{
	uint32_t epoch = type >> N_BITS;
	uint64_t n = type & N_MASK;

	if (epoch == 0 || epoch >= AUDIT_EPOCHS)
		return 0;
	if (epoch == AUDIT_EPOCH(last)) {
		n |= AUDIT_N(last) & ~(uint64_t)N_MASK;
		if (n + N_MASK / 2 < AUDIT_N(last))
			n += N_MASK + 1;
	}
	return AUDIT_NAME(epoch, n);
}

static const char *judge_order(const struct audit *audit, audit_name after, audit_name name, bool redelivered)
{
	if (name <= after)
		return "delivered again, or out of order";
	if (AUDIT_N(name) > audit->epochs[AUDIT_EPOCH(name)].pushing)
		return "never pushed";
	if (between(audit, after, name) > (after == audit->base ? audit->unnoted_ends : 0))
		return "one or more before it were lost";
	if (name <= audit->held)
		return redelivered ? NULL : "held by an earlier consumer, and not marked as redelivered";
	if (redelivered && audit->unnoted_offers == 0)
		return "marked as redelivered, and no consumer has held it";
	return NULL;
}

const char *audit_judge(const struct audit *audit, audit_name after, const void *at, size_t size, uint32_t type,
			bool redelivered, audit_name *name)
{
	struct audit_message message;

	*name = name_in(after, type);
	if (*name == 0)
		return "of an unknown type";
	message = audit_message(audit, *name);
	if (size != message.size)
		return "of a wrong size";
	if (size != 0 && !traffic_filled(at, size, message.content))
		return "torn";
	return judge_order(audit, after, *name, redelivered);
}

void audit_note_started(struct audit *audit, audit_name first, audit_name last)
{
	/* What is before it has been ended, by this consumer or an earlier one. */
	audit->progress = (first - 1) << 8 | (audit->progress & 0xff);
	if (last > audit->started)
		audit->started = last;
	audit_intend(audit, AUDIT_NOTHING, 0);
}

void audit_note_ended(struct audit *audit, audit_name last, unsigned count)
{
	audit->progress = last << 8 | AUDIT_NOTHING;
	audit->unnoted_offers -= count < audit->unnoted_offers ? count : audit->unnoted_offers;
	audit->messages += count;
}

uint64_t audit_missing(const struct audit *audit)
{
	audit_name ended = audit_ended(audit);
	uint64_t missing = between(audit, ended, AUDIT_NAME(AUDIT_EPOCHS, 1));
	uint64_t may_skip = ended == audit->base ? audit->unnoted_ends : 0;

	return missing > may_skip ? missing - may_skip : 0;
}

void audit_violation(struct audit *audit, const char *label, audit_name name, const char *what)
{
	fprintf(stderr, "%s %ld: message %" PRIu32 ":%" PRIu64 " %s\n", label, (long)getpid(), AUDIT_EPOCH(name),
		AUDIT_N(name), what);
	fprintf(stderr,
		"  ended %" PRIu32 ":%" PRIu64 " started %" PRIu32 ":%" PRIu64 "; since %" PRIu32 ":%" PRIu64
		": %" PRIu32 " ends, %" PRIu32 " offers not noted\n",
		AUDIT_EPOCH(audit_ended(audit)), AUDIT_N(audit_ended(audit)), AUDIT_EPOCH(audit->started),
		AUDIT_N(audit->started), AUDIT_EPOCH(audit->base), AUDIT_N(audit->base), audit->unnoted_ends,
		audit->unnoted_offers);
	audit->violations++;
}
