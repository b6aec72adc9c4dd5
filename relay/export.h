/* SPDX-License-Identifier: MIT */
/*
 * The exporter: from a queue into a stream. export.c has the loop, export_resync.c how it finds its place,
 * export_send.c makes frames.
 */
#ifndef RELAY_EXPORT_H
#define RELAY_EXPORT_H

#include <shmemq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "end.h"
#include "link.h"
#include "metrics.h"
#include "options.h"
#include "stream.h"

struct export
{
	const struct options *options;
	struct names names;
	struct link link;
	struct link_news news;
	struct end end;
	struct metrics metrics;

	/* The batch: held messages, of which msgs[0] has the ordinal base + 1. */
	struct shmemq_msg *msgs;
	unsigned held;
	bool all_held; /* the last look has found no more */
	bool full;     /* because the batch must not be larger */

	uint64_t base;      /* ordinal of the last released message: the end's mark */
	uint64_t sent;      /* ordinal of the last message that has been sent whole */
	uint64_t part;      /* parts of message sent + 1 that have been sent */
	uint64_t sequence;  /* of the last frame sent, if all before it were stored */
	uint64_t stored;    /* of the last frame of the stream, at the last resync */
	uint64_t bytes_out; /* payloads sent since the last resync */

	bool resync;         /* is due */
	bool mark_due;       /* base is to be stored as the mark before anything is sent */
	bool once_synced;    /* READY has been said */
	unsigned looks;      /* how often the server has said that less is stored than it has acknowledged */
	unsigned connects;   /* link_news.connects at the last resync */
	int backoff_ms;      /* the stream is full: before the next resync */
	bool probing;        /* likewise: one frame, until it is stored */
	int64_t quiet_since; /* since when frames are out and none was acknowledged; 0: none is out */

	bool producer_closed, producer_gone; /* the queue is empty, and the producer has closed; or has died, too */
	bool close_sent;                     /* the last frame of the stream says so */
	int64_t name_checked;

	unsigned char *frame; /* --pack bytes */
	size_t payload_max;   /* the longest payload that is sent in one piece */
};

/* Finds its place in the stream. Returns 0, and export->resync says whether to try again; or an exit status. */
int export_resync(struct export *e);

/* Sends what may be sent. Returns whether there was anything. */
bool export_send(struct export *e);

/* Messages held and not sent whole; frames sent and not acknowledged. */
static inline unsigned export_unsent(const struct export *e)
{
	return e->held - (unsigned)(e->sent - e->base);
}

static inline uint64_t export_out(const struct export *e)
{
	uint64_t stored = e->news.sequence > e->stored ? e->news.sequence : e->stored;

	return e->sequence > stored ? e->sequence - stored : 0;
}

/* Stores base as the mark, without releasing anything, and ends the batch, of which there must be one. */
int export_store_mark(struct export *e);

/* Releases the batch; the messages stay in the queue. */
int export_let_go(struct export *e);

#endif
