/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "end.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "report.h"
#include "stop.h"

#define TRY_MS      100
#define BUSY_TRIES  100 /* 10 s */
#define SAY_MISSING 3   /* tries without the queue before it is reported */

static void pause_try(void)
{
	const struct timespec time = { .tv_nsec = TRY_MS * 1000000L };

	nanosleep(&time, NULL);
}

static struct shmemq *open_once(const struct end *end, const struct options *options, bool stay)
{
	struct shmemq_attr attr = { .capacity = options->capacity };
	unsigned flags = end->role | (stay ? SHMEMQ_STAY : 0);

	/* Never TEMPORARY: a relay that ends must not take the queue's name with it. */
	if (option_on(options, OPTION_CREATE))
		flags |= SHMEMQ_CREATE;
	return shmemq_open(end->name, flags, options->mode, &attr);
}

/* Reads what the claim has settled: the mark is exact now, whatever killed the process that held the end before. */
static int read_state(struct end *end)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;

	if (shmemq_getattr(end->q, &attr) != 0 || shmemq_stat(end->q, &st) != 0)
		return report_queue(end->name, errno);
	end->id = attr.id;
	end->message_max = attr.message_max;
	end->mark = end->role == SHMEMQ_PRODUCER ? st.producer_mark : st.consumer_mark;
	if (end->role == SHMEMQ_CONSUMER && attr.flags & SHMEMQ_ATTR_BROADCAST)
		return report_as(STATUS_QUEUE, end->name,
				 "a broadcast queue cannot be exported: its consumers have no mark");
	return 0;
}

int end_open(struct end *end, const struct options *options, struct link *link)
{
	/*
	 * The importer waits on for B's consumer. The exporter waits on, too, but wants to hear of a producer's close.
	 */
	bool stay = end->role == SHMEMQ_PRODUCER;
	int missing = 0, busy = 0, status;

	while (!stop_asked) {
		end->q = open_once(end, options, stay);
		if (end->q != NULL)
			break;
		if (errno == ENOENT) {
			if (++missing == SAY_MISSING)
				report(end->name, "no such queue yet; waiting for it");
		} else if (errno != EBUSY || ++busy == BUSY_TRIES) {
			return report_queue(end->name, errno);
		}
		pause_try();
	}
	if (end->q == NULL)
		return 0;
	status = read_state(end);
	stop_queue(end->q);
	link_queue(link, end->q);
	return status;
}

void end_close(struct end *end, struct link *link)
{
	if (end->q == NULL)
		return;
	stop_queue(NULL);
	link_queue(link, NULL);
	shmemq_close(end->q);
	end->q = NULL;
}

bool end_is_named(const struct end *end)
{
	struct shmemq *q = shmemq_open(end->name, SHMEMQ_OBSERVER, 0, NULL);
	struct shmemq_attr attr;
	bool same;

	if (q == NULL)
		return errno != ENOENT;
	same = shmemq_getattr(q, &attr) != 0 || attr.id == end->id;
	shmemq_close(q);
	return same;
}
