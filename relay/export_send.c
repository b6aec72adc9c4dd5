/* SPDX-License-Identifier: MIT */
/*
 * Frames, of what is held and not sent. Each expects the sequence of the frame before it (Nats-Expected-Last-Sequence):
 * the server stores it only if nothing else came between, so a stream never has a frame twice, nor one without those
 * before it, whatever becomes of connections and exporters.
 */
#include "config.h"

#include <stdlib.h>

#include "export.h"
#include "message.h"
#include "report.h"

/*
 * Switches the chain off, to see that the tests find what it prevents. Only a program that is built for these tests
 * has it.
 */
#ifdef TEST_NO_CHAIN
static bool chained(void)
{
	return getenv("SHMEMQ_NATS_TEST_NO_CHAIN") == NULL;
}
#else
#define chained() true
#endif

/* Sends one frame. False: it may have been sent or not. */
static bool publish(struct export *e, struct frame *frame)
{
	natsMsg *message;

	frame->queue = e->end.id;
	message = message_make(e->names.subject, frame, e->sequence, chained());
	if (message == NULL || !link_publish(&e->link, message)) {
		e->resync = true;
		return false;
	}
	if (e->quiet_since == 0)
		e->quiet_since = clock_ns();
	e->sequence++;
	e->bytes_out += frame->bytes;
	e->metrics.frames++;
	return true;
}

/* The next part of a message that is too long for one frame. */
static bool send_part(struct export *e, const struct shmemq_msg *msg)
{
	uint64_t parts = (msg->size + e->payload_max - 1) / e->payload_max;
	size_t at = (size_t)e->part * e->payload_max, left = msg->size - at;
	bool whole = e->part + 1 == parts;
	struct frame frame = {
		.kind = FRAME_PART,
		.last = e->sent + whole,
		.count = whole,
		.type = msg->type,
		.part = e->part + 1,
		.parts = parts,
		.size = msg->size,
		.data = (const unsigned char *)msg->data + at,
		.bytes = left < e->payload_max ? left : e->payload_max,
	};

	if (!publish(e, &frame))
		return false;
	e->part = whole ? 0 : e->part + 1;
	e->sent += whole;
	return true;
}

/* How many messages from `msgs` on make the next frame; `*bytes`: their payload. One has no record before it. */
static unsigned gather(const struct export *e, const struct shmemq_msg *msgs, unsigned count, size_t *bytes)
{
	size_t most = e->options->pack < e->payload_max ? (size_t)e->options->pack : e->payload_max, used = 0;
	unsigned n = 0;

	while (n < count && msgs[n].size <= most && FRAME_RECORD + msgs[n].size <= most - used) {
		used += FRAME_RECORD + msgs[n].size;
		n++;
	}
	*bytes = used;
	return n;
}

static bool send_frame(struct export *e)
{
	const struct shmemq_msg *msgs = e->msgs + (e->sent - e->base);
	unsigned unsent = export_unsent(e), count;
	struct frame frame = { .kind = FRAME_PACKED };
	size_t bytes;

	if (msgs[0].size > e->payload_max)
		return send_part(e, msgs);
	count = gather(e, msgs, unsent, &bytes);
	if (count <= 1) {
		count = 1;
		/* Straight from the ring: a long message is copied once less. */
		frame = (struct frame){
			.kind = FRAME_BARE, .type = msgs[0].type, .data = msgs[0].data, .bytes = msgs[0].size
		};
	} else {
		frame.data = e->frame;
		for (unsigned i = 0; i < count; i++)
			frame.bytes = frame_append(e->frame, frame.bytes, msgs[i].data, msgs[i].size, msgs[i].type);
	}
	frame.count = count;
	frame.last = e->sent + count;
	if (!publish(e, &frame))
		return false;
	e->sent += count;
	e->close_sent = false;
	return true;
}

static bool send_close(struct export *e)
{
	struct frame frame = { .kind = FRAME_CLOSE, .last = e->sent };

	if (!publish(e, &frame))
		return false;
	e->close_sent = true;
	report_event(e->end.name, "the producer has closed");
	return true;
}

/*
 * One frame is out at a time. An expected sequence tells how many frames are before this one, not which messages: two
 * exporters, or one before and after a resync, may divide the same messages otherwise. If frames {1,2} and {3} were out
 * together, and a frame {1} of a killed exporter came first, then {1,2} would be refused, and {3} stored after {1}. But
 * what was stored when this frame is sent is known, and so is what this one follows. (doc/model/relay.pml: OUT=2)
 * What is pushed meanwhile makes the next frame, so frames grow with the load.
 *
 * Trap 5: while disconnected, libnats would keep 8 MB of frames, and send them after a resync by another process.
 */
static bool may_send(const struct export *e)
{
	return !e->resync && e->news.connected && export_out(e) == 0;
}

bool export_send(struct export *e)
{
	bool any = false;

	while (may_send(e) && export_unsent(e) != 0 && send_frame(e)) {
		any = true;
		/* Acknowledgements come meanwhile. */
		link_take(&e->link, &e->news);
	}
	if (e->producer_closed && export_unsent(e) == 0 && !e->close_sent && may_send(e) &&
	    option_is(e->options, OPTION_CLOSE, "propagate"))
		any |= send_close(e);
	return any;
}
