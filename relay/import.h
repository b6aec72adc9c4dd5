/* SPDX-License-Identifier: MIT */
/*
 * The importer: from a stream into a queue. import.c has the loop and what becomes of a frame, import_pull.c how frames
 * are got, import_ack.c when they are acknowledged.
 */
#ifndef RELAY_IMPORT_H
#define RELAY_IMPORT_H

#include <shmemq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "end.h"
#include "frame.h"
#include "link.h"
#include "metrics.h"
#include "options.h"
#include "stream.h"

/* A frame that has been taken and not acknowledged. */
struct taken {
	uint64_t end; /* ordinal of the last message that it holds, or a part of which it holds */
	char *reply;  /* where it is acknowledged */
};

/* Frames in the stream's order, oldest first. */
struct acks {
	struct taken *ring;
	size_t size, first, count;
};

/* A message that comes in parts, and has a reservation in the queue. */
struct part {
	unsigned char *data; /* NULL: there is none */
	uint64_t ordinal, done, parts, size, at;
};

struct import {
	const struct options *options;
	struct names names;
	struct link link;
	struct link_news news;
	struct end end;
	struct shmemq *watch; /* an observer, which stays when the end has been closed */
	struct metrics metrics;

	uint64_t last; /* ordinal of the last pushed message: the end's mark; 0: any may come first */
	struct part part;
	struct acks acks;
	int64_t acks_checked, name_checked;

	natsSubscription *sub;
	char inbox[128];
	char request[256]; /* the subject */
	uint64_t asked;    /* frames that have been asked for and have not come */
	uint64_t most;     /* that are asked for at a time */
	int64_t heard;     /* when the server has last answered */
	unsigned connects; /* link_news.connects at the last resync */
	bool resync;       /* is due */
	bool fresh;        /* no frame has come since the last one */
	bool pushed;       /* a message has been pushed since the last one */
	bool once_synced;  /* READY has been said */
	bool finished;     /* the producer has closed, and all before that is in the queue */
};

/* import_pull.c */

/* Makes the durable anew, so that all that has not been acknowledged comes, in order. Returns 0 or an exit status. */
int import_resync(struct import *im);

/* Asks for frames, if few are on their way. */
void import_ask(struct import *im);

/* The next frame, which the caller destroys, or NULL after `ms`; im->resync may be set. */
natsMsg *import_next(struct import *im, int ms);

void import_unsubscribe(struct import *im);

/* import_ack.c */

/* Notes that a frame has been taken. False: no memory. */
bool import_taken(struct import *im, uint64_t end, const char *reply);

/* The ordinal to which B's consumer has popped, at least. */
uint64_t import_popped(struct import *im);

/* Acknowledges what may be forgotten, at most every few milliseconds. */
void import_acknowledge(struct import *im);

/* Forgets the frames that have been taken: they come again. */
void import_forget(struct import *im);

/* import_push.c */

/* Opens the queue, at the start, after a close, or because it was made anew. Returns 0 or an exit status. */
int import_open(struct import *im);

/* Moves the frame's messages that are not in the queue yet into it. Returns 0 or an exit status. */
int import_push(struct import *im, const struct frame *frame);
int import_push_part(struct import *im, const struct frame *frame);

/* Messages are missing before this ordinal. Returns 0 if the importer is to go on, or an exit status. */
int import_lose(struct import *im, uint64_t ordinal);

#endif
