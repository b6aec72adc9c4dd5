/* SPDX-License-Identifier: MIT */
/*
 * When a frame is acknowledged, and the stream may forget it: when its messages are in the queue, or with --ack=popped
 * have been popped from it; and when a later frame has come. So the newest frame of the stream is never acknowledged,
 * and the exporter can read there where the stream ends (export_resync.c).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "import.h"

#define CHECK_NS   INT64_C(5000000)
#define FIRST_SIZE 1024

static struct taken *at(const struct acks *acks, size_t index)
{
	return &acks->ring[(acks->first + index) % acks->size];
}

static bool grow(struct acks *acks)
{
	size_t size = acks->size != 0 ? acks->size * 2 : FIRST_SIZE;
	struct taken *ring = malloc(size * sizeof *ring);

	if (ring == NULL)
		return false;
	for (size_t i = 0; i < acks->count; i++)
		ring[i] = *at(acks, i);
	free(acks->ring);
	acks->ring = ring;
	acks->size = size;
	acks->first = 0;
	return true;
}

#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak" /* the ring has it */
#endif
bool import_taken(struct import *im, uint64_t end, const char *reply)
{
	struct acks *acks = &im->acks;
	char *copy = strdup(reply);

	if (copy == NULL || (acks->count == acks->size && !grow(acks))) {
		free(copy);
		return false;
	}
	*at(acks, acks->count++) = (struct taken){ .end = end, .reply = copy };
	return true;
}
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic pop
#endif

uint64_t import_popped(struct import *im)
{
	struct shmemq_stat st;

	if (option_is(im->options, OPTION_ACK, "pushed"))
		return im->last;
	if (im->watch == NULL || shmemq_stat(im->watch, &st) != 0)
		return 0;
	/* A count of popped messages that a kill has left short does not matter when the queue is empty. */
	if (st.queued_bytes == 0)
		return im->last;
	return st.queued_messages < im->last ? im->last - st.queued_messages : 0;
}

void import_acknowledge(struct import *im)
{
	struct acks *acks = &im->acks;
	int64_t now;
	uint64_t popped;

	if (acks->count < 2 || !im->news.connected)
		return;
	now = clock_ns();
	if (now - im->acks_checked < CHECK_NS)
		return;
	im->acks_checked = now;
	popped = import_popped(im);
	while (acks->count > 1 && at(acks, 0)->end <= popped) {
		char *reply = at(acks, 0)->reply;

		/* Trap 2: natsMsg_Ack() of a message that a plain subscription got crashes. */
		if (natsConnection_PublishString(im->link.nc, reply, "+ACK") != NATS_OK)
			return; /* the frame comes again, and is known */
		free(reply);
		acks->first = (acks->first + 1) % acks->size;
		acks->count--;
	}
}

void import_forget(struct import *im)
{
	struct acks *acks = &im->acks;

	for (; acks->count != 0; acks->count--) {
		free(at(acks, 0)->reply);
		acks->first = (acks->first + 1) % acks->size;
	}
}
