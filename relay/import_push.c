/* SPDX-License-Identifier: MIT */
/* Messages of frames into the queue. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "import.h"
#include "report.h"
#include "stop.h"

#define SLICE_NS INT64_C(100000000)
#define NAME_NS  INT64_C(1000000000)

int import_open(struct import *im)
{
	uint64_t id = im->end.id;
	int status = end_open(&im->end, im->options, &im->link);

	if (status != 0 || im->end.q == NULL)
		return status;
	/* The same queue: its mark is what is in it. Another one, which nobody has marked: what is known goes on. */
	if (im->end.mark != 0 || id == 0)
		im->last = im->end.mark;
	if (im->watch != NULL)
		shmemq_close(im->watch);
	im->watch = shmemq_open(im->end.name, SHMEMQ_OBSERVER, 0, NULL);
	im->finished = false;
	return 0;
}

/*
 * The queue was removed, and perhaps made anew, while nobody popped: it is opened anew, and what had not been popped
 * comes again.
 */
static int change_queue(struct import *im)
{
	report_event(im->end.name, "the queue has been removed");
	im->last = import_popped(im);
	end_close(&im->end, &im->link);
	im->part = (struct part){ .data = NULL };
	im->resync = true;
	return import_open(im);
}

/* The queue is full. Returns 0, and im->resync says whether the frame is to be left; or an exit status. */
static int while_full(struct import *im)
{
	struct shmemq_stat st;
	int64_t now = clock_ns();

	link_take(&im->link, &im->news);
	if (im->news.denied || im->news.closed || im->news.connects != im->connects) {
		im->resync = true; /* the loop looks why; frames come again */
		return 0;
	}
	import_acknowledge(im);
	if (metrics_due(&im->metrics))
		metrics_write(&im->metrics, im->end.q);
	if (now - im->name_checked < NAME_NS)
		return 0;
	im->name_checked = now;
	if (shmemq_stat(im->end.q, &st) == 0 && st.consumer != SHMEMQ_END_OPEN && !end_is_named(&im->end))
		return change_queue(im);
	return 0;
}

/* What a push that failed means. Returns 0: try again unless im->resync or stop_asked; or an exit status. */
static int push_failed(struct import *im, size_t size, uint64_t ordinal)
{
	switch (errno) {
	case EAGAIN:
	case ETIMEDOUT:
	case EINTR:
	case ECANCELED:
	case EPIPE:
	case EOWNERDEAD:
		return while_full(im);
	case EMSGSIZE:
		return report_as(STATUS_MESSAGE, im->end.name,
				 "message %" PRIu64 " has %zu bytes, and at most %" PRIu64
				 " fit in this queue; the stream keeps it",
				 ordinal, size, im->end.message_max);
	}
	return report_queue(im->end.name, errno);
}

static void count(struct import *im, size_t size, uint64_t ordinal)
{
	im->last = ordinal;
	im->pushed = true;
	im->metrics.messages++;
	im->metrics.bytes += size;
}

static int push_one(struct import *im, const struct frame_message *message, uint64_t ordinal)
{
	int status = 0;

	for (;;) {
		/* The ordinal becomes the end's mark together with the push, or neither happens. */
		if (shmemq_mark(im->end.q, ordinal) != 0)
			return report_queue(im->end.name, errno);
		if (shmemq_timedpush(im->end.q, message->data, message->size, message->type, SLICE_NS) == 0)
			break;
		status = push_failed(im, message->size, ordinal);
		if (status != 0 || im->resync || stop_asked)
			return status;
	}
	count(im, message->size, ordinal);
	return 0;
}

/* The end may have been closed, because the producer had closed. */
static int open_again(struct import *im)
{
	return im->end.q == NULL ? import_open(im) : 0;
}

int import_push(struct import *im, const struct frame *frame)
{
	int status = open_again(im);
	size_t at = 0;

	for (uint64_t ordinal = frame_first(frame); ordinal <= frame->last; ordinal++) {
		struct frame_message message;

		if (status != 0 || im->resync || im->end.q == NULL || stop_asked)
			break;
		frame_take(frame, &at, &message);
		if (ordinal > im->last)
			status = push_one(im, &message, ordinal);
	}
	return status;
}

/* Reserves space for a message that comes in parts. */
static int begin_parts(struct import *im, const struct frame *frame, uint64_t ordinal)
{
	int status = open_again(im);

	im->part = (struct part){ .ordinal = ordinal, .parts = frame->parts, .size = frame->size };
	while (status == 0 && im->end.q != NULL && !im->resync && !stop_asked) {
		im->part.data = shmemq_timedpush_start(im->end.q, (size_t)frame->size, SLICE_NS);
		if (im->part.data != NULL)
			return 0;
		status = push_failed(im, (size_t)frame->size, ordinal);
	}
	return status;
}

static int end_parts(struct import *im, const struct frame *frame)
{
	size_t size = (size_t)im->part.size;
	uint64_t ordinal = im->part.ordinal;

	im->part.data = NULL;
	if (shmemq_mark(im->end.q, ordinal) != 0 || shmemq_push_end(im->end.q, size, frame->type) != 0)
		return report_queue(im->end.name, errno);
	count(im, size, ordinal);
	return 0;
}

static void cancel_parts(struct import *im)
{
	if (im->part.data != NULL)
		shmemq_push_cancel(im->end.q);
	im->part = (struct part){ .data = NULL };
}

int import_push_part(struct import *im, const struct frame *frame)
{
	struct part *part = &im->part;
	uint64_t ordinal = frame_end(frame);
	int status = 0;

	/* An exporter that was killed in the middle is followed by one that begins with part 1 again. */
	if (frame->part == 1) {
		cancel_parts(im);
		status = begin_parts(im, frame, ordinal);
	}
	if (status != 0 || im->resync || stop_asked)
		return status;
	if (part->data == NULL || part->ordinal != ordinal || part->done + 1 != frame->part ||
	    part->parts != frame->parts || part->size != frame->size) {
		cancel_parts(im);
		if (!im->fresh) {
			im->resync = true;
			return 0;
		}
		return import_lose(im, ordinal + 1);
	}
	/* Untrusted: the parts must not be more than the whole, and the last one completes it. */
	if (frame->bytes > part->size - part->at ||
	    (frame->part == frame->parts && frame->bytes != part->size - part->at)) {
		cancel_parts(im);
		return report_as(STATUS_MESSAGE, im->link.name, "the parts of message %" PRIu64 " do not fit together",
				 ordinal);
	}
	memcpy(part->data + part->at, frame->data, frame->bytes);
	part->at += frame->bytes;
	part->done++;
	return frame->part == frame->parts ? end_parts(im, frame) : 0;
}
