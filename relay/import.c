/* SPDX-License-Identifier: MIT */
/*
 * shmemq-nats import.
 *
 * Why each message gets into the queue once, and in order:
 *
 * 1. Frames say the ordinals of their messages, and the stream has them once and in order (export.c).
 * 2. With a push, and not before or after, the message's ordinal becomes the end's mark. So an importer knows exactly
 *    what is in the queue, whatever killed the one before it.
 * 3. What has an ordinal up to the mark is skipped. What has the next one is pushed. Anything later is a gap: the
 *    durable is made anew, from the oldest frame that has not been acknowledged. If the gap is there again, messages
 *    are missing in the stream.
 * 4. A frame is acknowledged after its messages were pushed (import_ack.c). So what is not in the queue, the stream
 *    has.
 */
#include "config.h"

#include "import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "message.h"
#include "notify.h"
#include "report.h"
#include "stop.h"

#define SLICE_MS 100
#define FLUSH_MS 1000

int import_lose(struct import *im, uint64_t ordinal)
{
	uint64_t missing = ordinal - im->last - 1;

	report(im->link.name, "messages %" PRIu64 " to %" PRIu64 " are missing in the stream", im->last + 1,
	       ordinal - 1);
	if (option_is(im->options, OPTION_ON_LOSS, "stop"))
		return STATUS_LOSS;
	im->metrics.lost += missing;
	im->last = ordinal - 1;
	return 0;
}

/*
 * The producer has closed after the last message that is here: so does this end, until the next message. After a
 * resync, the frame may be an old one, which was heeded before and only not acknowledged, being the newest one then.
 */
static void take_close(struct import *im, uint64_t pending)
{
	if (!im->pushed && pending != 0)
		return;
	im->finished = pending == 0;
	if (im->end.q == NULL || option_is(im->options, OPTION_CLOSE, "ignore"))
		return;
	report_event(im->end.name, "the producer has closed");
	end_close(&im->end, &im->link);
}

/* What becomes of a frame. Returns 0, and im->resync says whether it comes again; or an exit status. */
static int take_frame(struct import *im, const struct frame *frame, natsMsg *message)
{
	uint64_t first = frame_first(frame);

	if (frame->kind == FRAME_CLOSE ? frame->last < im->last : frame_end(frame) <= im->last) {
		im->metrics.known += frame->count;
		return 0;
	}
	/* A new queue takes what the stream has. */
	if (im->last == 0)
		im->last = first - 1;
	if (first > im->last + 1) {
		int status;

		if (!im->fresh) {
			im->resync = true;
			return 0;
		}
		status = import_lose(im, first);
		if (status != 0)
			return status;
	}
	if (frame->kind == FRAME_PART)
		return import_push_part(im, frame);
	if (frame->kind != FRAME_CLOSE)
		return import_push(im, frame);
	take_close(im, message_pending(message));
	return 0;
}

static int take_message(struct import *im, natsMsg *message)
{
	const char *reply = natsMsg_GetReply(message);
	struct frame frame;
	int status;

	if (!message_parse(message, &frame))
		return report_as(STATUS_MESSAGE, im->link.name, "a message of the stream is no frame of a relay");
	im->metrics.frames++;
	status = take_frame(im, &frame, message);
	if (status != 0 || im->resync || stop_asked)
		return status;
	im->fresh = false;
	if (reply != NULL && !import_taken(im, frame_end(&frame), reply))
		return report(NULL, "%s", strerror(ENOMEM));
	return 0;
}

/* Takes the news. Returns 0 or an exit status. */
static int take_news(struct import *im)
{
	int status;

	link_take(&im->link, &im->news);
	if (im->news.denied)
		return report_as(STATUS_REFUSED, im->link.name, "%s", im->news.denial);
	if (im->news.closed) {
		import_unsubscribe(im);
		status = link_renew(&im->link);
		link_take(&im->link, &im->news);
		im->resync = true;
		return status;
	}
	if (im->news.connects != im->connects)
		im->resync = true;
	return 0;
}

static void show_metrics(struct import *im)
{
	jsConsumerInfo *ci = NULL;
	jsErrCode code = 0;

	if (!metrics_due(&im->metrics))
		return;
	if (im->news.connected &&
	    js_GetConsumerInfo(&ci, im->link.js, im->names.stream, im->names.durable, NULL, &code) == NATS_OK) {
		im->metrics.consumer_pending = ci->NumPending + (uint64_t)ci->NumAckPending;
		jsConsumerInfo_Destroy(ci);
		natsConnection_GetConnectedUrl(im->link.nc, im->metrics.server, sizeof im->metrics.server);
	}
	im->metrics.connected = im->news.connected;
	im->metrics.mark = im->last;
	metrics_write(&im->metrics, im->watch);
}

/* One turn. Returns 0 or an exit status. */
static int turn(struct import *im)
{
	natsMsg *message;
	int status = take_news(im);

	if (status != 0 || stop_asked)
		return status;
	show_metrics(im);
	if (!im->news.connected) {
		link_wait(&im->link, SLICE_MS);
		return 0;
	}
	if (im->resync) {
		status = import_resync(im);
		if (status != 0 || im->resync)
			return status;
		if (!im->once_synced)
			notify("READY=1\nSTATUS=Importing");
		im->once_synced = true;
	}
	import_ask(im);
	message = import_next(im, SLICE_MS);
	if (message != NULL) {
		status = take_message(im, message);
		natsMsg_Destroy(message);
	}
	import_acknowledge(im);
	return status;
}

static bool drained(const struct import *im)
{
	return option_on(im->options, OPTION_DRAIN) && im->finished;
}

static int run(struct import *im)
{
	struct state state;
	int status = stream_await(&im->link, &im->names, &state, option_on(im->options, OPTION_KEEP));

	if (status == 0)
		status = import_open(im);
	if (status != 0 || im->end.q == NULL)
		return status;
	im->resync = true;
	while (status == 0 && !stop_asked && !drained(im))
		status = turn(im);
	return status;
}

/* Acknowledges what it can, and sees that the server gets it. */
static void finish(struct import *im)
{
	im->acks_checked = 0;
	import_acknowledge(im);
	if (im->news.connected)
		natsConnection_FlushTimeout(im->link.nc, FLUSH_MS);
	im->metrics.mark = im->last;
	metrics_write(&im->metrics, im->watch);
	import_forget(im);
	free(im->acks.ring);
	import_unsubscribe(im);
	end_close(&im->end, &im->link);
	if (im->watch != NULL)
		shmemq_close(im->watch);
}

int run_import(const struct options *options)
{
	static struct import im;
	int status;

	im.options = options;
	im.end = (struct end){ .name = options->text[OPTION_QUEUE], .role = SHMEMQ_PRODUCER };
	names_make(&im.names, options);
	metrics_start(&im.metrics, options, "import");
	stop_begin();
	status = link_open(&im.link, options, LINK_FOR_EVER);
	stop_queue(NULL);
	if (status == 0)
		status = run(&im);
	notify("STOPPING=1");
	finish(&im);
	link_close(&im.link);
	return status;
}
