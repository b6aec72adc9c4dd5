/* SPDX-License-Identifier: MIT */
/* The processes of rounds.c: in each case one server at one end, and one or several waiters at the other. */
#ifndef TESTS_ROUNDS_H
#define TESTS_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "shmemq.h"
#include "stress.h"

#define ROUNDS_CASES 7

/* Which end waits, how many handles it has, and which side signals arrive at. */
struct rounds_case {
	unsigned end, waiters;
	bool waiters_get_signals, server_gets_signals;
};

extern const struct rounds_case rounds_cases[ROUNDS_CASES];

/* Memory that all processes share. */
struct rounds {
	struct rounds_counts {
		_Atomic uint32_t round; /* the last that has begun; 1: the server is there */
		_Atomic uint32_t begun; /* rounds, by all waiters */
		_Atomic uint32_t done;  /* messages, by all waiters */
		_Atomic uint32_t armed; /* by a call that failed, and then waited for */
		_Atomic uint32_t quiet; /* how many waiters are ready to begin */
		uint32_t alignment;     /* of the queue */
	} of[ROUNDS_CASES];
	_Atomic int active; /* the case that runs; -1: none */
	_Atomic bool over;
};

extern struct rounds *rounds;

/* A process of a case. */
struct side {
	unsigned which;       /* of the cases */
	unsigned end, number; /* the number among the waiters; the server has none */
	struct shmemq *q;
	int pollfd, edges; /* edges: an epoll descriptor */
	uint64_t random;
	uint32_t sent;
};

/* Opens the end of the queue `base` and the number of the case. */
void side_open(struct side *side, const char *base);

/* Moves one message, in or out. 0, or an errno. */
int side_move(struct side *side, int64_t timeout);

/* What the processes do: until `over`. Their exit status. */
int side_wait_in_rounds(struct side *side);
int side_serve(struct side *side);

#endif
