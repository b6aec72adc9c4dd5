/* SPDX-License-Identifier: MIT */
/*
 * How the exporter finds its place, in a stream that it or an earlier exporter of the queue has written.
 *
 * What is known: the end's mark, the ordinal of the last message that was released, exactly, whatever killed the
 * process (shmemq_mark(3)); and the stream's last frame, which names its queue and the last message that is complete
 * with it. That frame is there, because importers acknowledge a frame only when they have a later one.
 *
 * 1. The last frame is this queue's, and ends at ordinal `ord`. Frames are chained, so the stream has taken exactly the
 *    messages to `ord`. They are released; and what is after `ord` has not been stored, and is in the queue.
 * 2. ord < mark: message `mark` was acknowledged, or it would not have been released, and is not there: the server has
 *    lost messages.
 * 3. The last frame is another queue's, of an earlier queue of this name: ordinals go on where it ended, so that they
 *    never repeat in a stream, and an importer knows old messages from new ones. The mark says so before the first
 *    frame. But if the mark shows that messages were taken from this queue into another stream, this stream is not its
 *    own.
 * 4. The last frame has been removed, for its age: nothing tells `ord`. What is sent from `mark` on may be there, and
 *    the importer skips what it knows.
 *
 * What speaks of a loss is looked at again for some seconds. A node of a cluster answers as soon as it leads, and may
 * have applied less by then than what is stored and acknowledged: its stream ends earlier, or is not there. With
 * nats-server 2.9 that lasts until somebody publishes; so a frame that cannot be stored is published each time.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "export.h"
#include "message.h"
#include "report.h"
#include "stop.h"

#define RETRY_MS     100
#define BACKOFF_MS   20
#define BACKOFF_MOST 1000
#define LOOKS        25
#define LOOK_MS      200
#define REFUSAL_NS   INT64_C(2000000000)
#define NEVER        (UINT64_C(1) << 62)

/* jsErrCode of a full stream. */
#define CODE_STORE_FAILED 10077

int export_let_go(struct export *e)
{
	if (e->held != 0 && shmemq_popm_end(e->end.q, 0) != 0)
		return report_queue(e->end.name, errno);
	e->held = 0;
	return 0;
}

int export_store_mark(struct export *e)
{
	if (shmemq_mark(e->end.q, e->base) != 0 || shmemq_popm_end(e->end.q, 0) != 0)
		return report_queue(e->end.name, errno);
	e->held = 0;
	e->mark_due = false;
	return 0;
}

/* Releases the messages that the stream has already. They are in the queue: an exporter had them before. */
static int release_stored(struct export *e, uint64_t ord)
{
	while (e->base < ord) {
		uint64_t left = ord - e->base;
		unsigned most = left < e->options->window ? (unsigned)left : (unsigned)e->options->window;
		int n = shmemq_popm_start(e->end.q, e->msgs, most, 0);

		if (n < 0 && (errno == EAGAIN || errno == EPIPE || errno == EOWNERDEAD))
			return report_as(STATUS_CONFIG, e->end.name,
					 "the stream has %" PRIu64 " messages of this queue that it does not have",
					 left);
		if (n < 0 && (errno == EINTR || errno == ECANCELED))
			continue;
		if (n < 0 || shmemq_mark(e->end.q, e->base + (unsigned)n) != 0 ||
		    shmemq_popm_end(e->end.q, (unsigned)n) != 0)
			return report_queue(e->end.name, errno);
		e->base += (unsigned)n;
	}
	return 0;
}

static void wait_ms(struct export *e, int ms)
{
	for (int64_t end = clock_ns() + ms * INT64_C(1000000); clock_ns() < end && !stop_asked;) {
		link_take(&e->link, &e->news);
		link_wait(&e->link, ms);
	}
}

/*
 * Publishes what no stream takes, because it is to follow a message that none has, and waits for the refusal. By then
 * the server has applied all that was stored before: a new leader commits the entries of earlier ones only with one of
 * its own. Returns whether it was refused for that: a server without a majority does not answer, and when the stream is
 * full it looks no further.
 */
static bool publish_refused(struct export *e)
{
	struct frame frame = { .kind = FRAME_CLOSE, .queue = e->end.id, .last = e->base };
	natsMsg *message = message_make(e->names.subject, &frame, NEVER, true);
	bool refused;

	if (message == NULL || !link_publish(&e->link, message))
		return false;
	for (int64_t end = clock_ns() + REFUSAL_NS; clock_ns() < end && !stop_asked;) {
		link_take(&e->link, &e->news);
		if (e->news.refused != 0)
			break;
		link_wait(&e->link, LOOK_MS);
	}
	refused = e->news.refused != 0 && e->news.refused != CODE_STORE_FAILED;
	if (refused)
		report_event(e->link.name, "asked again: %s", e->news.why);
	link_drop(&e->link);
	return refused;
}

/*
 * What the server has said may be old: is the exporter to ask again? The time in which there is no server, or no
 * leader, does not count, so it does not make a loss of it.
 */
static bool look_again(struct export *e)
{
	if (e->looks == LOOKS)
		return false;
	if (e->looks == 0)
		report_event(e->link.name, "the server says less than it has acknowledged; asking again");
	e->resync = true;
	if (publish_refused(e))
		e->looks++;
	wait_ms(e, LOOK_MS);
	return true;
}

/* Messages were acknowledged that are not there. 0: go on, unless e->resync. */
static int lose(struct export *e, uint64_t count, const char *what)
{
	if (look_again(e))
		return 0;
	e->metrics.lost += count;
	report(e->link.name, "%s", what);
	if (option_is(e->options, OPTION_ON_LOSS, "continue"))
		return 0;
	return STATUS_LOSS;
}

/* The last frame is of another queue: case 3. */
static int follow_other(struct export *e, const struct frame *frame)
{
	if (e->base == frame->last || (e->base != 0 && look_again(e)))
		return 0;
	if (e->base != 0)
		return report_as(STATUS_CONFIG, e->link.name,
				 "another queue is exported to this stream (%016" PRIx64 "; this one is %016" PRIx64
				 ")",
				 frame->queue, e->end.id);
	e->base = frame->last;
	e->mark_due = true;
	report_event(e->link.name, "goes on after message %" PRIu64 " of an earlier queue", e->base);
	return 0;
}

/*
 * The last frame has been removed: case 4. Without a mark, ordinals go on where no frame can have been: one frame ends
 * no more than 2^20 messages, because it has at most 8 MiB, and a record has 8 bytes.
 */
static int without_frame(struct export *e, uint64_t sequence)
{
	int status;

	if (e->base != 0)
		return 0;
	status = lose(
		e, 0,
		"the last frame has been removed, and this is a new queue: importers cannot be told where it begins");
	if (status != 0 || e->resync)
		return status;
	e->base = sequence << 20;
	e->mark_due = true;
	return 0;
}

/* Places the exporter after the last frame, which is message `sequence` of the stream; 0: there is none. */
static int take_place(struct export *e, const struct frame *frame, uint64_t sequence)
{
	int status = 0;

	e->close_sent = false;
	if (sequence == 0) {
		if (e->base != 0)
			status =
				lose(e, 1, "the stream is empty, but has had messages of this queue: it was made anew");
	} else if (frame == NULL) {
		status = without_frame(e, sequence);
	} else if (frame->queue != e->end.id) {
		status = follow_other(e, frame);
		e->close_sent = status == 0 && frame->kind == FRAME_CLOSE;
	} else if (frame->last < e->base) {
		status = lose(e, e->base - frame->last, "the server has lost messages that it had acknowledged");
	} else {
		status = release_stored(e, frame->last);
		e->close_sent = status == 0 && frame->kind == FRAME_CLOSE;
	}
	e->sent = e->base;
	e->part = 0;
	e->sequence = e->stored = sequence;
	e->bytes_out = 0;
	e->quiet_since = 0;
	return status;
}

/* Reads the last frame. Returns 0, and e->resync says whether to try again; or an exit status. */
static int read_last(struct export *e, const struct state *state)
{
	uint64_t sequence = state->last;
	natsMsg *message = NULL;
	struct frame frame;
	enum answer answer;
	int status;

	if (sequence == 0)
		return take_place(e, NULL, 0);
	answer = stream_get(&e->link, &e->names, sequence, &message);
	if (answer == ANSWER_REFUSED)
		return STATUS_REFUSED;
	if (answer == ANSWER_LATER) {
		e->resync = true;
		return 0;
	}
	/* It may have gone since, because a later one came; or another node answers, which has not got it yet. */
	if (answer == ANSWER_NONE)
		return state->messages != 0 && look_again(e) ? 0 : take_place(e, NULL, sequence);
	if (message_parse(message, &frame))
		status = take_place(e, &frame, sequence);
	else
		status = report_as(STATUS_CONFIG, e->link.name,
				   "message %" PRIu64 " of the stream is no frame of a relay", sequence);
	natsMsg_Destroy(message);
	return status;
}

/* A full stream is asked again after 20 ms to 1 s, with one frame. */
static void back_off(struct export *e)
{
	bool full = e->news.refused == CODE_STORE_FAILED;

	if (e->news.refused != 0) {
		e->metrics.refused++;
		report_event(e->link.name, "refused: %s", e->news.why);
	}
	if (!full)
		return;
	e->probing = true;
	e->backoff_ms = e->backoff_ms == 0 ? BACKOFF_MS : e->backoff_ms * 2;
	if (e->backoff_ms > BACKOFF_MOST)
		e->backoff_ms = BACKOFF_MOST;
	wait_ms(e, e->backoff_ms);
}

int export_resync(struct export *e)
{
	struct state state;
	int status = export_let_go(e);

	if (status != 0)
		return status;
	back_off(e);
	/* Trap 4: libnats neither sends these again, nor says that they failed. */
	link_drop(&e->link);
	link_take(&e->link, &e->news);
	e->connects = e->news.connects;
	e->resync = false;
	e->metrics.resyncs++;
	switch (stream_state(&e->link, &e->names, &state, NULL)) {
	case ANSWER_REFUSED:
		return STATUS_REFUSED;
	case ANSWER_NONE:
		return look_again(e) ? 0 : report_as(STATUS_LOSS, e->link.name, "the stream has been removed");
	case ANSWER_LATER:
		e->resync = true;
		link_wait(&e->link, RETRY_MS);
		return 0;
	case ANSWER_OK:
		break;
	}
	e->metrics.stream_messages = state.messages;
	e->metrics.stream_bytes = state.bytes;
	status = read_last(e, &state);
	if (status != 0 || e->resync)
		return status;
	e->looks = 0;
	report_event(e->link.name, "in place after message %" PRIu64 ", frame %" PRIu64, e->base, e->sequence);
	return 0;
}
