/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "traffic.h"

/* The type carries the epoch and as much of n as has room: enough to tell a message, whatever its size. */
#define N_BITS 20
#define N_MASK ((1u << N_BITS) - 1)

#define LARGE_ONE_OF 256

void audit_reset(struct audit *audit, uint64_t seed, uint32_t message_max)
{
	audit->seed = seed;
	audit->message_max = message_max;
	audit->stop = 0;
	audit->progress = 0;
	audit->started = 0;
	audit->base = 0;
	audit->unnoted_ends = 0;
	audit->unnoted_offer = false;
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

static audit_name last_seen(const struct audit *audit)
{
	audit_name ended = audit_ended(audit), started = audit->started;

	return started > ended ? started : ended;
}

void audit_consumer_gone(struct audit *audit)
{
	audit_name base = last_seen(audit);

	if (base != audit->base) {
		audit->base = base;
		audit->unnoted_ends = 0;
		audit->unnoted_offer = false;
	}
	if (audit_intent(audit) == AUDIT_RELEASING)
		audit->unnoted_ends++;
	if (audit_intent(audit) == AUDIT_OFFERING)
		audit->unnoted_offer = true;
	audit_intend(audit, AUDIT_NOTHING);
}

/* How many messages were committed for certain after `from` and before `to`. */
static uint64_t between(const struct audit *audit, audit_name from, audit_name to)
{
	const struct audit_epoch *epochs = audit->epochs;
	uint64_t pushed = epochs[AUDIT_EPOCH(from)].pushed, count;

	if (AUDIT_EPOCH(from) == AUDIT_EPOCH(to))
		return AUDIT_N(to) - AUDIT_N(from) - 1;
	count = pushed > AUDIT_N(from) ? pushed - AUDIT_N(from) : 0;
	for (uint32_t epoch = AUDIT_EPOCH(from) + 1; epoch < AUDIT_EPOCH(to); epoch++)
		count += epochs[epoch].pushed;
	return count + AUDIT_N(to) - 1;
}

/* The name in a type, as near to the last message as can be. 0: there is no such epoch. */
static audit_name name_in(const struct audit *audit, uint32_t type)
{
	audit_name last = last_seen(audit);
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

static const char *judge_order(const struct audit *audit, audit_name name, bool redelivered)
{
	bool held = audit->started > audit_ended(audit), noted;
	audit_name base = last_seen(audit);
	uint64_t may_skip;

	if (held && name == base)
		return redelivered ? NULL : "held by an earlier consumer, and not marked as redelivered";
	if (name <= base)
		return "delivered again, or out of order";
	if (AUDIT_N(name) > audit->epochs[AUDIT_EPOCH(name)].pushing)
		return "never pushed";
	noted = base != audit->base;
	may_skip = noted ? 0 : audit->unnoted_ends;
	if (held && may_skip-- == 0)
		return "in place of one that an earlier consumer held";
	if (between(audit, base, name) > may_skip)
		return "one or more before it were lost";
	if (redelivered && (noted || !audit->unnoted_offer))
		return "marked as redelivered, and nobody has held it";
	return NULL;
}

const char *audit_judge(const struct audit *audit, const void *at, size_t size, uint32_t type, bool redelivered,
			audit_name *name)
{
	struct audit_message message;

	*name = name_in(audit, type);
	if (*name == 0)
		return "of an unknown type";
	message = audit_message(audit, *name);
	if (size != message.size)
		return "of a wrong size";
	if (size != 0 && !traffic_filled(at, size, message.content))
		return "torn";
	return judge_order(audit, *name, redelivered);
}

void audit_note_started(struct audit *audit, audit_name name)
{
	audit->started = name;
	audit_intend(audit, AUDIT_NOTHING);
}

void audit_note_ended(struct audit *audit, audit_name name)
{
	audit->progress = name << 2 | AUDIT_NOTHING;
	audit->messages++;
}

uint64_t audit_missing(const struct audit *audit)
{
	audit_name base = last_seen(audit);
	bool held = audit->started > audit_ended(audit);
	uint64_t missing = between(audit, base, AUDIT_NAME(AUDIT_EPOCHS, 1)) + held;
	uint64_t may_skip = base == audit->base ? audit->unnoted_ends : 0;

	return missing > may_skip ? missing - may_skip : 0;
}

void audit_violation(struct audit *audit, const char *who, audit_name name, const char *what)
{
	fprintf(stderr, "%s %ld: message %" PRIu32 ":%" PRIu64 " %s\n", who, (long)getpid(), AUDIT_EPOCH(name),
		AUDIT_N(name), what);
	fprintf(stderr,
		"  ended %" PRIu32 ":%" PRIu64 " started %" PRIu32 ":%" PRIu64 "; since %" PRIu32 ":%" PRIu64
		": %" PRIu32 " ends, %d offers not noted\n",
		AUDIT_EPOCH(audit_ended(audit)), AUDIT_N(audit_ended(audit)), AUDIT_EPOCH(audit->started),
		AUDIT_N(audit->started), AUDIT_EPOCH(audit->base), AUDIT_N(audit->base), audit->unnoted_ends,
		audit->unnoted_offer);
	audit->violations++;
}
