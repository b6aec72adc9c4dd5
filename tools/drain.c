/* SPDX-License-Identifier: MIT */
/* shmemq drain: takes the messages that are queued, and throws them away. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "report.h"
#include "stream.h"
#include "text.h"

#define BATCH 256

/* Releases up to `wanted` messages without a wait. Returns how many, 0 if there is none, or -1 and errno. */
static int drop(struct stream *s, uint64_t wanted)
{
	struct shmemq_msg batch[BATCH];
	int count = shmemq_popm_start(s->queue, batch, wanted < BATCH ? (unsigned)wanted : BATCH, 0);

	if (count < 0)
		return errno == EAGAIN || errno == EPIPE || errno == EOWNERDEAD ? 0 : -1;
	if (shmemq_popm_end(s->queue, (unsigned)count) != 0)
		return -1;
	for (int i = 0; i < count; i++) {
		s->messages++;
		s->bytes += batch[i].size;
	}
	return count;
}

static int drain(struct stream *s)
{
	uint64_t wanted = s->options->count;
	struct shmemq_stat st;
	int dropped = 1;

	if (shmemq_stat(s->queue, &st) != 0)
		return report_queue(s->name, SHMEMQ_CONSUMER, errno);
	/* What a producer that goes on adds meanwhile stays. Without one, there may be more than is counted: of a
	 * producer that was killed. */
	if (st.producer == SHMEMQ_END_OPEN && st.queued_messages < wanted)
		wanted = st.queued_messages;
	while (dropped != 0 && s->messages < wanted) {
		dropped = drop(s, wanted - s->messages);
		if (dropped < 0 && errno != EINTR)
			return report_queue(s->name, SHMEMQ_CONSUMER, errno);
	}
	return 0;
}

/*
 * Each consumer of a broadcast queue has messages of its own: there are none that another one could throw away. This is
 * asked before the end is claimed: a temporary queue is removed when the last end is closed.
 */
static int refuse_broadcast(const char *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL);
	struct shmemq_attr attr = { .flags = 0 };

	if (q == NULL)
		return report_queue(name, SHMEMQ_OBSERVER, errno);
	shmemq_getattr(q, &attr);
	shmemq_close(q);
	if (attr.flags & SHMEMQ_ATTR_BROADCAST)
		return report(name,
			      "a broadcast queue cannot be drained: each consumer has to pop its messages itself");
	return 0;
}

int run_drain(const struct options *options, char **names, int count)
{
	struct stream s = { .name = names[0], .options = options };
	int status = refuse_broadcast(s.name), written;
	char *text;

	(void)count;
	if (status != 0)
		return status;
	s.queue = shmemq_open(s.name, SHMEMQ_CONSUMER, 0, NULL);
	if (s.queue == NULL && errno == EBUSY)
		return report_in_use(s.name, SHMEMQ_CONSUMER, "nothing has been thrown away");
	if (s.queue == NULL)
		return report_queue(s.name, SHMEMQ_CONSUMER, errno);
	status = drain(&s);
	text = printable(s.name);
	printf("%s: messages thrown away: %" PRIu64 ", bytes: %" PRIu64 "\n", text, s.messages, s.bytes);
	free(text);
	status = stream_close(&s, status);
	written = finish_output();
	return status != 0 ? status : written;
}
