/* SPDX-License-Identifier: MIT */
/* The stream: its names, what it must be, and where it stands. */
#ifndef RELAY_STREAM_H
#define RELAY_STREAM_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "link.h"
#include "options.h"

struct names {
	char stream[80];  /* SHMEMQ_<STREAM> */
	char subject[80]; /* shmemq.<STREAM> */
	char durable[80]; /* the importer's */
};

void names_make(struct names *names, const struct options *options);

struct state {
	uint64_t first, last; /* sequences */
	uint64_t messages, bytes;
	int64_t max_bytes, max_age;
	int64_t replicas, current, consumers; /* current: replicas that have what the stream has */
	bool keep;
};

/* What the server has said. */
enum answer {
	ANSWER_OK,
	ANSWER_NONE,   /* there is no such thing */
	ANSWER_LATER,  /* no answer, or one that may change: try again */
	ANSWER_REFUSED /* reported */
};

/* Reads the state. `fault`, unless NULL: what the stream is otherwise than it must be, or NULL. */
enum answer stream_state(struct link *link, const struct names *names, struct state *state, const char **fault);

/* Gets a message of the stream, which the caller destroys. */
enum answer stream_get(struct link *link, const struct names *names, uint64_t sequence, natsMsg **message);

/* Tells an answer from what a call of libnats returned. `what`: for the report. */
enum answer stream_answer(const struct link *link, natsStatus s, jsErrCode code, const char *what);

/*
 * Waits for the stream, at the start: until the server answers. Returns 0, also if stop_asked, or reports that there is
 * none, or that it is otherwise than it must be, and returns an exit status. `keep`: it must be one that keeps what
 * importers have acknowledged; -1: either.
 */
int stream_await(struct link *link, const struct names *names, struct state *state, int keep);

#endif
