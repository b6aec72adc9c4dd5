/* SPDX-License-Identifier: MIT */
/*
 * The connection to the server. libnats calls back in threads of its own: what they report is kept here, until the main
 * thread takes it with link_take().
 */
#ifndef RELAY_LINK_H
#define RELAY_LINK_H

#include <nats/nats.h>
#include <pthread.h>
#include <shmemq.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"

#define LINK_TEXT 256

/* What has happened since the last link_take(). */
struct link_news {
	bool connected;    /* now */
	bool closed;       /* libnats has given up */
	unsigned connects; /* so far, the first and each reconnect: a difference says that the link was cut */
	/* Since link_drop(): */
	uint64_t acked;    /* greatest Shmemq-Last of an acknowledged frame; 0: none */
	uint64_t sequence; /* greatest place in the stream of such a frame */
	uint64_t bytes;    /* payloads of all frames that have been answered */
	int refused;       /* jsErrCode of the first negative acknowledgement, or -1: another; 0: none */
	char why[LINK_TEXT];
	bool denied; /* a permission is missing: */
	char denial[LINK_TEXT];
};

struct link {
	const char *name; /* the stream's, for messages */
	natsOptions *options;
	natsConnection *nc;
	jsCtx *js;
	bool published; /* by this js */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	struct link_news news;
	struct shmemq *queue; /* whose wait news ends */
	bool fresh;           /* there are news that have not been taken */
};

#define LINK_FOR_EVER (-1)

/*
 * Connects, and tries until a server answers or stop_asked. Returns 0, or reports that the server refuses us and
 * returns STATUS_REFUSED. `patience`, unless it is LINK_FOR_EVER: returns that also if there is no server for as many
 * nanoseconds, or if it is told to stop; 0: tries once.
 */
int link_open(struct link *link, const struct options *options, int64_t patience);
void link_close(struct link *link);

/* Connects anew after libnats has given up. As link_open(). */
int link_renew(struct link *link);

void link_take(struct link *link, struct link_news *news);

/* Forgets that a permission is missing. */
void link_forgive(struct link *link);

/* Waits for news, at most so many milliseconds. */
void link_wait(struct link *link, int ms);

/* From now on news ends waits of this queue with ECANCELED; NULL before it is closed. */
void link_queue(struct link *link, struct shmemq *queue);

/*
 * Publishes; acknowledgements are news. Takes the message over, even if it fails. False: the frame may have been sent
 * or not.
 */
bool link_publish(struct link *link, natsMsg *message);

/* What libnats says about the last failure in this thread, or, if nothing, about the status. */
const char *link_error(natsStatus s);

/* Forgets what was published and not acknowledged, and negative acknowledgements. */
void link_drop(struct link *link);

#endif
