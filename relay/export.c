/* SPDX-License-Identifier: MIT */
/*
 * shmemq-nats export.
 *
 * Why each message gets into the stream once, and in order:
 *
 * 1. A message stays in the queue until the frame that ends with it, or after it, has been acknowledged: it is held,
 *    and popm_end releases no more than that. The queue is all that keeps messages; nothing is kept twice.
 * 2. With the release, and not before or after, the ordinal of the last released message becomes the end's mark.
 * 3. A frame is stored only directly after the frame that it was made to follow (export_send.c). So an acknowledged
 *    frame says that the stream has every message to its last one, once and in order.
 * 4. Whatever happens to frames on their way, after it the exporter looks where the stream ends, and goes on there
 *    (export_resync.c): at the start, after a reconnect, after a frame was refused, and if no acknowledgement comes.
 * 5. Frames of an exporter that was killed may still reach the server, from its connection. If they come before the
 *    next exporter looks, it finds them in the stream; if they come after its first frame, the chain refuses them; and
 *    if they come between, the chain refuses that first frame, and the exporter looks again.
 */
#include "config.h"

#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "message.h"
#include "notify.h"
#include "report.h"
#include "stop.h"

#define SLICE_NS INT64_C(250000000)
#define GONE_NS  INT64_C(100000000)
#define NAME_NS  INT64_C(1000000000)
#define QUIET_NS INT64_C(5000000000) /* without an acknowledgement, before a resync */
#define SLICE_MS 250

/* Releases what has been acknowledged. Returns 1 if there was anything, 0, or -1 after reporting. */
static int release(struct export *e)
{
	uint64_t count;

	if (e->held == 0 || e->news.acked <= e->base)
		return 0;
	count = e->news.acked - e->base;
	/* An acknowledgement that came late, of a frame that the last resync has not seen: the next one does. */
	if (e->news.acked > e->sent) {
		e->resync = true;
		return 0;
	}
	/*
	 * Each release ends the batch, and describing the rest again costs time. A full queue needs the space at once.
	 */
	if (count * 2 < e->held && !e->all_held)
		return 0;
	for (uint64_t i = 0; i < count; i++)
		e->metrics.bytes += e->msgs[i].size;
	if (shmemq_mark(e->end.q, e->base + count) != 0 || shmemq_popm_end(e->end.q, (unsigned)count) != 0) {
		report_queue(e->end.name, errno);
		return -1;
	}
	e->base += count;
	e->held = 0;
	e->all_held = false;
	e->metrics.messages += count;
	return 1;
}

/* Holds more messages. Returns 1 if there are more, 0, or -1 after reporting. */
static int hold(struct export *e, int64_t timeout)
{
	unsigned left = (unsigned)e->options->window - e->held;
	int n;

	if (left == 0)
		return 0;
	n = e->held == 0 ? shmemq_popm_start(e->end.q, e->msgs, left, timeout)
			 : shmemq_popm_more(e->end.q, e->msgs + e->held, left, timeout);
	e->all_held = n <= 0;
	e->full = n == 0; /* the batch takes up as much of the ring as it may */
	if (n >= 0) {
		e->held += (unsigned)n;
		e->producer_closed = e->producer_gone = false;
		/* The mark is stored with a batch in hand, which that ends. */
		if (e->mark_due)
			return export_store_mark(e) == 0 ? 1 : -1;
		return n > 0;
	}
	switch (errno) {
	case EPIPE:
	case EOWNERDEAD:
		e->producer_closed = errno == EPIPE;
		e->producer_gone = true;
		return 0;
	case EAGAIN:
	case ETIMEDOUT:
		e->producer_closed = e->producer_gone = false;
		return 0;
	case EINTR:
	case ECANCELED:
		return 0;
	}
	report_queue(e->end.name, errno);
	return -1;
}

/* Waits for messages, for news of the link, or for the next producer. */
static int wait_for_more(struct export *e)
{
	if (!e->producer_gone && !e->full && e->held < e->options->window && e->news.connected && !e->resync)
		return hold(e, SLICE_NS);
	if (e->producer_gone && e->held == 0 && e->news.connected)
		shmemq_wait_peer(e->end.q, GONE_NS);
	else
		link_wait(&e->link, SLICE_MS);
	return 0;
}

/* The queue may have been removed, and made anew, when its producer had left. */
static int check_name(struct export *e)
{
	int64_t now;
	int status;

	if (!e->producer_gone || e->held != 0)
		return 0;
	now = clock_ns();
	if (now - e->name_checked < NAME_NS)
		return 0;
	e->name_checked = now;
	if (end_is_named(&e->end))
		return 0;
	report_event(e->end.name, "the queue has been removed");
	end_close(&e->end, &e->link);
	status = end_open(&e->end, e->options, &e->link);
	e->base = e->end.mark;
	e->producer_closed = e->producer_gone = false;
	e->resync = true;
	return status;
}

static bool drained(const struct export *e)
{
	return option_on(e->options, OPTION_DRAIN) && e->producer_closed && e->held == 0 && export_out(e) == 0 &&
	       !e->resync && (e->close_sent || option_is(e->options, OPTION_CLOSE, "ignore"));
}

/* Takes the news. Returns 0 or an exit status. */
static int take_news(struct export *e)
{
	uint64_t before = e->news.sequence;
	int64_t now;

	link_take(&e->link, &e->news);
	if (e->news.denied)
		return report_as(STATUS_REFUSED, e->link.name, "%s", e->news.denial);
	if (e->news.closed) {
		int status = link_renew(&e->link);

		link_take(&e->link, &e->news);
		e->resync = true;
		return status;
	}
	if (e->news.connects != e->connects || e->news.refused != 0)
		e->resync = true;
	if (e->news.sequence != before) {
		e->backoff_ms = 0;
		e->probing = false;
	}
	if (export_out(e) == 0) {
		e->quiet_since = 0;
	} else if (e->quiet_since != 0) {
		now = clock_ns();
		if (e->news.sequence != before) {
			e->metrics.ack_seconds = (double)(now - e->quiet_since) / 1e9;
			e->quiet_since = now;
		}
		if (now - e->quiet_since > QUIET_NS)
			e->resync = true;
	}
	return 0;
}

static void show_metrics(struct export *e)
{
	struct state state;

	if (!metrics_due(&e->metrics))
		return;
	if (e->news.connected && stream_state(&e->link, &e->names, &state, NULL) == ANSWER_OK) {
		e->metrics.stream_messages = state.messages;
		e->metrics.stream_bytes = state.bytes;
		natsConnection_GetConnectedUrl(e->link.nc, e->metrics.server, sizeof e->metrics.server);
	}
	e->metrics.connected = e->news.connected;
	e->metrics.window_messages = e->sent - e->base;
	e->metrics.mark = e->base;
	metrics_write(&e->metrics, e->end.q);
}

/* One turn. Returns 0 or an exit status. */
static int turn(struct export *e)
{
	int status = take_news(e), released, more;
	bool sent;

	if (status == 0)
		status = check_name(e);
	if (status != 0 || stop_asked)
		return status;
	if (e->resync && e->news.connected) {
		status = export_resync(e);
		if (status != 0 || e->resync)
			return status;
		if (!e->once_synced)
			notify("READY=1\nSTATUS=Exporting");
		e->once_synced = true;
	}
	released = release(e);
	more = released >= 0 ? hold(e, 0) : -1;
	sent = more >= 0 && export_send(e);
	if (released == 0 && more == 0 && !sent && !drained(e))
		more = wait_for_more(e);
	show_metrics(e);
	return released < 0 || more < 0 ? STATUS_QUEUE : 0;
}

static void set_sizes(struct export *e)
{
	int64_t most = natsConnection_GetMaxPayload(e->link.nc);

	e->payload_max = most >= 4 * MESSAGE_OVERHEAD ? (size_t)most - MESSAGE_OVERHEAD : (size_t)most / 2;
}

static int run(struct export *e)
{
	struct state state;
	int status = stream_await(&e->link, &e->names, &state, -1);

	if (status == 0)
		status = end_open(&e->end, e->options, &e->link);
	if (status != 0 || e->end.q == NULL)
		return status;
	set_sizes(e);
	e->base = e->sent = e->end.mark;
	e->resync = true;
	while (status == 0 && !stop_asked && !drained(e))
		status = turn(e);
	return status;
}

int run_export(const struct options *options)
{
	static struct export e;
	int status;

	e.options = options;
	e.end = (struct end){ .name = options->text[OPTION_QUEUE], .role = SHMEMQ_CONSUMER };
	e.msgs = malloc(options->window * sizeof *e.msgs);
	e.frame = malloc(options->pack + 1);
	if (e.msgs == NULL || e.frame == NULL)
		return report(NULL, "%s", strerror(ENOMEM));
	names_make(&e.names, options);
	metrics_start(&e.metrics, options, "export");
	stop_begin();
	status = link_open(&e.link, options, LINK_FOR_EVER);
	stop_queue(NULL);
	if (status == 0)
		status = run(&e);
	notify("STOPPING=1");
	e.metrics.mark = e.base;
	metrics_write(&e.metrics, e.end.q);
	end_close(&e.end, &e.link);
	link_close(&e.link);
	free(e.msgs);
	free(e.frame);
	return status;
}
