/* SPDX-License-Identifier: MIT */
/*
 * What two sides note beside the queue, in memory of its own, so that their successors after a SIGKILL can tell which
 * messages may arrive next.
 *
 * A message is named by the producer incarnation that pushed it (epoch, from 1) and its number there (n, from 1). Its
 * size, type and bytes follow from the name and the seed, so a torn, exchanged or stale one is noticed.
 *
 * The producer stores n as `pushing` before the call that pushes it and as `pushed` after: a message up to `pushed` is
 * committed, one beyond `pushing` never was, and of those between it is not known. The consumer stores what it is
 * about to do before each call, and the name of the message after it.
 */
#ifndef TESTS_AUDIT_H
#define TESTS_AUDIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_EPOCHS 4096u

/* epoch << 36 | n: names compare in the order of delivery. 0: none. */
typedef uint64_t audit_name;
#define AUDIT_NAME(epoch, n) ((audit_name)(epoch) << 36 | (n))
#define AUDIT_EPOCH(name)    ((uint32_t)((name) >> 36))
#define AUDIT_N(name)        ((name) & (((uint64_t)1 << 36) - 1))

/* What the consumer is about to do, in the low bits of `progress`, and with how many messages at most. */
enum audit_intent {
	AUDIT_NOTHING,
	AUDIT_OFFERING,  /* in a call that hands messages out in place */
	AUDIT_RELEASING, /* in a call that ends some: a copying pop, or the end of a pop in place */
};
#define AUDIT_BATCH 63u

struct audit_epoch {
	_Atomic uint64_t pushing;
	_Atomic uint64_t pushed;
};

struct audit {
	uint64_t seed;
	uint32_t message_max, alignment; /* of the queue */
	uint64_t capacity, capacity_max; /* likewise, where a side creates it */
	_Atomic uint32_t violations;
	_Atomic uint32_t stop;        /* the producer has to close, the consumer to end when the ring is empty */
	_Atomic uint64_t messages;    /* ended, and noted so; by the consumer */
	_Atomic uint64_t redelivered; /* deliveries that were marked; by the consumer */
	/*
	 * By the consumer: the last message ended << 8 | messages << 2 | intent, in one store; and the last one handed
	 * out in place.
	 */
	_Atomic uint64_t progress;
	_Atomic audit_name started;
	/*
	 * By audit_consumer_gone(). `held`: the last message that earlier consumers held: up to it all must be marked.
	 * The consumers that died since the message `base` was ended may have ended `unnoted_ends` messages and not
	 * noted it; of the next messages `unnoted_offers` may have been handed out and not noted: they may be marked.
	 */
	audit_name held;
	audit_name base;
	uint32_t unnoted_ends;
	uint32_t unnoted_offers;
	struct audit_epoch epochs[AUDIT_EPOCHS];
};

struct audit_message {
	audit_name name;
	uint64_t content; /* for traffic_fill() */
	uint32_t size;
	uint32_t type;
};

/* A new queue's audit: nothing pushed yet. Counts and violations stay. */
void audit_reset(struct audit *audit, uint64_t seed, uint32_t message_max, uint32_t alignment);

/* The message of that name. */
struct audit_message audit_message(const struct audit *audit, audit_name name);

static inline audit_name audit_ended(const struct audit *audit)
{
	return audit->progress >> 8;
}

static inline void audit_intend(struct audit *audit, enum audit_intent intent, unsigned messages)
{
	audit->progress = audit_ended(audit) << 8 | messages << 2 | intent;
}

/* Notes that the consumer is dead or has closed, before the next one opens. */
void audit_consumer_gone(struct audit *audit);

/*
 * Judges what was delivered after the message `after` (audit_ended(), or the one before in a batch), before it is
 * noted: NULL, or what is wrong; `*name` gets its name. `at` may be NULL with size 0.
 */
const char *audit_judge(const struct audit *audit, audit_name after, const void *at, size_t size, uint32_t type,
			bool redelivered, audit_name *name);

/* Notes messages that audit_judge() has passed: handed out in place; ended, `count` up to `last`. */
void audit_note_started(struct audit *audit, audit_name first, audit_name last);
void audit_note_ended(struct audit *audit, audit_name last, unsigned count);

/* With both sides gone and the queue read to its end: messages that were committed and did not arrive. */
uint64_t audit_missing(const struct audit *audit);

/* Prints a violation and counts it. */
void audit_violation(struct audit *audit, const char *label, audit_name name, const char *what);

#endif
