/* SPDX-License-Identifier: MIT */
/*
 * A contender moves messages from one process to another. Its file, with_*.c, defines how one message is sent and
 * received, and includes loops.h, which makes the measuring loops from these definitions. So the calls are inlined as
 * in a program that uses the contender, and the work on each message is the same for all contenders (also for those
 * that are made outside of this tree, in C++: adaptor.h):
 *
 *  - the producer has the message in a buffer of its own, with the message's number in the first and in the last word,
 *    and copies it from there to where the contender needs it;
 *  - the consumer adds up all words, in place or in the copy that it received, and compares numbers and sum.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "measure.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LINE 128 /* two cache lines: the prefetcher fetches pairs */

enum side { PRODUCER, CONSUMER, FOLLOWER };

/* The cases; contender.can has a bit for each. */
enum kind {
	THROUGHPUT,
	ROUND_TRIP,
	WAKE,
	ONE_CPU,
	CAPACITY,
	QUEUES,
	PRODUCERS,
	CALLS,
	TRIES,
	IDLE,
	PREFAULT,
	STRANGER,
	READERS,
	GROWTH,
	FOLLOWERS,
	KINDS
};
#define CAN(kind) (1u << (kind))

/* Carries messages from a producer to a consumer. The parent creates it; each child has a copy. */
struct channel {
	size_t size;         /* bytes of each message */
	size_t capacity;     /* bytes that may be queued, where the contender has a choice */
	bool spins;          /* a waiting side keeps its processor, even if the contender has calls that sleep */
	bool sleeps;         /* a waiting side gives up its processor, even if spinning would be faster */
	bool many_producers; /* there are several producers */
	unsigned readers;    /* so many consumers each receive every message; 0: there is one consumer */
	unsigned reader;     /* the index of this one */
	bool one_cpu;        /* both sides have the same processor: a spinning side must yield it */
	bool at_once;        /* a waiting side sleeps at once, if the contender has a choice */
	char name[64];       /* unique */
	/* For the contender's own use. */
	const struct library *library;
	void *handle, *context, *shared;
	size_t shared_size; /* bytes of *shared */
	unsigned char *buffer;
	uint64_t position, slots, stride, header;
	int fds[2]; /* by enum side */
};

struct job {
	struct channel *channels;
	unsigned count; /* of channels; in a round trip the first leads there, the second back */
	uint64_t trips; /* round trips after which this ends by itself; 0 = none */
	size_t size;
	bool naps;                    /* each side sleeps before it sends, so that the receiver is asleep, too */
	unsigned producers, producer; /* how many there are, and the index of this one */
	unsigned reader;              /* the index of this consumer */
	struct control *control;
};

struct contender {
	const char *name;
	unsigned can;                               /* CAN(enum kind) */
	size_t size_min, size_max;                  /* of messages; 0 = any */
	bool (*create)(struct channel *);           /* in the parent; false: not available here, see errno */
	void (*unlink)(struct channel *);           /* in the parent, both sides are open: removes all names; or NULL */
	void (*destroy)(struct channel *);          /* in the parent, both sides have ended; or NULL */
	void (*open)(struct channel *, enum side);  /* in a child; or NULL. channel->reader says which consumer */
	void (*close)(struct channel *, enum side); /* in a child: messages already sent still arrive; or NULL */
	void (*produce)(struct job *);
	void (*consume)(struct job *);
	void (*ping)(struct job *);
	void (*pong)(struct job *);
	void (*follow)(struct job *); /* or NULL */
	unsigned followers;           /* processes that follow beside the two sides */
};

/* Ends this process with an error message: the repetition has failed. */
__attribute__((noreturn)) void die(const char *what);

/* Memory that the parent and its future children share; munmap() releases it. NULL and errno on failure. */
void *map_shared(size_t size);

/* Maps channel->shared. False and errno on failure. */
bool channel_map(struct channel *channel, size_t size);
/* Releases what channel_map() has mapped: for contender.destroy. */
void channel_unmap(struct channel *channel);

/* Sets channel->buffer to memory for one message of this process. */
void channel_allocate_buffer(struct channel *channel);

/* How many messages have been received so far, and how many had been when measuring began, at the time `start`. */
struct received {
	uint64_t number, from, start;
};

static inline void count_message(const struct job *job, struct received *received)
{
	received->number++;
	if (received->start == 0 && phase_of(job->control) != WARM_UP) {
		received->start = now_ns();
		received->from = received->number;
	}
}

static inline void store_counts(const struct job *job, const struct received *received)
{
	if (job->reader != 0) /* all receive the same */
		return;
	job->control->ns = now_ns() - received->start;
	job->control->messages = received->number - received->from;
	job->control->total = received->number;
}

static inline void relax(const struct channel *channel)
{
	if (channel->one_cpu)
		sched_yield();
	else
#if defined __x86_64__ || defined __i386__
		__builtin_ia32_pause();
#elif defined __aarch64__
		__asm__ volatile("yield" ::: "memory");
#else
		atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* Copies small messages inline: a call of memcpy() would take longer than some contenders take for a message. */
static inline void copy_message(void *to, const void *from, size_t size)
{
	if (size == 8)
		memcpy(to, from, 8);
	else if (size == 64)
		memcpy(to, from, 64);
	else
		memcpy(to, from, size);
}

#ifdef __cplusplus
}
#endif
#endif
