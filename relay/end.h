/* SPDX-License-Identifier: MIT */
/* The relay's end of the queue. */
#ifndef RELAY_END_H
#define RELAY_END_H

#include <shmemq.h>
#include <stdbool.h>
#include <stdint.h>

#include "link.h"
#include "options.h"

struct end {
	const char *name;
	unsigned role;    /* SHMEMQ_PRODUCER or _CONSUMER */
	struct shmemq *q; /* NULL: closed */
	uint64_t id;
	uint64_t mark; /* when it was opened */
	uint64_t message_max;
};

/*
 * Claims the end. Waits until there is such a queue, unless --create makes it, and for 10 s until another process gives
 * the end back. Returns 0, also if stop_asked, and then end->q is NULL; or reports what is wrong and returns an exit
 * status.
 */
int end_open(struct end *end, const struct options *options, struct link *link);

void end_close(struct end *end, struct link *link);

/* Does the name still name this queue? False: it has been removed, and perhaps made anew. */
bool end_is_named(const struct end *end);

#endif
