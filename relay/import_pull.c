/* SPDX-License-Identifier: MIT */
/*
 * How frames are got: requests to a pull consumer, and a plain subscription for the answers.
 *
 * Trap 1: natsSubscription_Fetch() of libnats before 3.9 writes past its list when answers of an expired request come.
 * Its place is taken by these few lines.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "message.h"
#include "numbers.h"
#include "report.h"

#define RETRY_MS   100
#define EXPIRES_NS INT64_C(5000000000) /* a request */
#define SILENT_NS  INT64_C(8000000000) /* by then it must have been answered */
#define ASK_MOST   512
#define ASK_LEAST  4
#define ASK_BYTES  (16 << 20) /* that libnats is to keep, about */
#define DAY_NS     INT64_C(86400000000000)

void import_unsubscribe(struct import *im)
{
	if (im->sub == NULL)
		return;
	natsSubscription_Unsubscribe(im->sub);
	natsSubscription_Destroy(im->sub);
	im->sub = NULL;
}

static natsStatus subscribe(struct import *im)
{
	natsInbox *inbox = NULL;
	natsStatus s = natsInbox_Create(&inbox);

	import_unsubscribe(im);
	if (s == NATS_OK) {
		const char *prefix = im->options->text[OPTION_INBOX];

		/* natsInbox_Create() knows no other prefix than the default one. */
		if (prefix != NULL && strncmp(inbox, "_INBOX.", 7) == 0)
			snprintf(im->inbox, sizeof im->inbox, "%s.%s", prefix, inbox + 7);
		else
			snprintf(im->inbox, sizeof im->inbox, "%s", inbox);
		s = natsConnection_SubscribeSync(&im->sub, im->link.nc, im->inbox);
	}
	/* No limits: a message that libnats drops would be a gap. What is asked for is the limit. */
	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(im->sub, -1, -1);
	natsInbox_Destroy(inbox);
	return s;
}

/* Where a stream that keeps its messages is read from on: after what this durable has acknowledged. */
static enum answer find_start(struct import *im, uint64_t *start)
{
	jsConsumerInfo *ci = NULL;
	jsErrCode code = 0;
	natsStatus s = js_GetConsumerInfo(&ci, im->link.js, im->names.stream, im->names.durable, NULL, &code);

	*start = 0;
	if (s != NATS_OK)
		return stream_answer(&im->link, s, code, "asking for the importer's state");
	*start = ci->AckFloor.Stream + 1;
	jsConsumerInfo_Destroy(ci);
	return ANSWER_OK;
}

/*
 * Is the consumer that was just made a new one? Trap 13: nats-server 2.9, if it was killed while it made a consumer,
 * does not know it when it is started again; but to the next one of that name it gives the state that it finds on the
 * disk. That one would wait for acknowledgements of frames that it never delivers. Now that the server knows it, it can
 * be removed, with its state.
 */
static bool is_new(const struct import *im, jsConsumerInfo *ci)
{
	bool is = ci->Delivered.Consumer == 0 && ci->NumAckPending == 0;

	if (!is)
		report_event(im->link.name, "the importer's consumer has the state of an earlier one");
	jsConsumerInfo_Destroy(ci);
	return is;
}

/*
 * A work queue's consumer begins with the oldest message that has not been acknowledged. One that was left as it was
 * would deliver these only after AckWait, and after newer ones.
 * Trap 11: a work queue wants AckExplicit and DeliverAll.
 */
static enum answer make_durable(struct import *im, uint64_t start)
{
	jsConsumerInfo *ci = NULL;
	jsConsumerConfig c;
	jsErrCode code = 0;
	natsStatus s = js_DeleteConsumer(im->link.js, im->names.stream, im->names.durable, NULL, &code);
	enum answer answer;

	answer = stream_answer(&im->link, s, code, "removing the importer's consumer");
	if (answer != ANSWER_OK && answer != ANSWER_NONE)
		return answer;
	jsConsumerConfig_Init(&c);
	c.Durable = im->names.durable;
	c.AckPolicy = js_AckExplicit;
	c.AckWait = DAY_NS; /* the queue may be full for long; what must come again comes with a new durable */
	c.MaxAckPending = -1;
	c.DeliverPolicy = js_DeliverAll;
	if (start > 1) {
		c.DeliverPolicy = js_DeliverByStartSequence;
		c.OptStartSeq = start;
	}
	code = 0;
	s = js_AddConsumer(&ci, im->link.js, im->names.stream, &c, NULL, &code);
	answer = stream_answer(&im->link, s, code, "making the importer's consumer");
	return answer == ANSWER_OK && !is_new(im, ci) ? ANSWER_LATER : answer;
}

/* Frames of a remade durable begin where what was acknowledged ends; a message that came in parts begins anew. */
static void start_over(struct import *im)
{
	import_forget(im);
	if (im->part.data != NULL && im->end.q != NULL)
		shmemq_push_cancel(im->end.q);
	im->part = (struct part){ .data = NULL };
	im->asked = 0;
	im->most = ASK_MOST;
	im->heard = clock_ns();
	im->fresh = true;
	im->pushed = false;
}

int import_resync(struct import *im)
{
	enum answer answer = ANSWER_OK;
	uint64_t start = 0;

	im->connects = im->news.connects;
	im->resync = false;
	im->metrics.resyncs++;
	if (option_on(im->options, OPTION_KEEP))
		answer = find_start(im, &start);
	if (answer == ANSWER_OK || answer == ANSWER_NONE)
		answer = make_durable(im, start);
	if (answer == ANSWER_REFUSED)
		return STATUS_REFUSED;
	if (answer == ANSWER_OK && subscribe(im) != NATS_OK)
		answer = ANSWER_LATER;
	if (answer == ANSWER_NONE)
		return report_as(im->once_synced ? STATUS_LOSS : STATUS_CONFIG, im->link.name,
				 "there is no such stream");
	if (answer == ANSWER_LATER) {
		im->resync = true;
		link_wait(&im->link, RETRY_MS);
		return 0;
	}
	snprintf(im->request, sizeof im->request, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", im->names.stream,
		 im->names.durable);
	start_over(im);
	report_event(im->link.name, "in place after message %" PRIu64, im->last);
	return 0;
}

void import_ask(struct import *im)
{
	char text[64];
	uint64_t count;

	if (im->asked > im->most / 2)
		return;
	count = im->most;
	snprintf(text, sizeof text, "{\"batch\":%" PRIu64 ",\"expires\":%" PRId64 "}", count, EXPIRES_NS);
	if (natsConnection_PublishRequestString(im->link.nc, im->request, im->inbox, text) == NATS_OK)
		im->asked += count;
	else
		im->resync = true;
}

/* Frames are large or small: no more are asked for than libnats is to keep. */
static void adapt(struct import *im, int bytes)
{
	uint64_t most = bytes > 0 ? ASK_BYTES / (uint64_t)bytes : ASK_MOST;

	im->most = most > ASK_MOST ? ASK_MOST : most < ASK_LEAST ? ASK_LEAST : most;
}

/* The server says something about a request. */
static void take_status(struct import *im, natsMsg *message, const char *status)
{
	const char *pending = message_line(message, "Nats-Pending-Messages");
	uint64_t count = im->asked;

	if (strcmp(status, "100") == 0)
		return;
	if (strcmp(status, "408") == 0 || strcmp(status, "404") == 0) {
		if (pending != NULL)
			parse_decimal(pending, UINT32_MAX, &count);
		im->asked -= count < im->asked ? count : im->asked;
		return;
	}
	report_event(im->link.name, "the server says %s", status);
	im->resync = true;
	link_wait(&im->link, RETRY_MS); /* it may be electing a leader */
}

natsMsg *import_next(struct import *im, int ms)
{
	natsMsg *message = NULL;
	const char *status;

	if (natsSubscription_NextMsg(&message, im->sub, ms) != NATS_OK) {
		/* A leader that has changed may have forgotten the requests. */
		if (clock_ns() - im->heard > SILENT_NS)
			im->resync = true;
		return NULL;
	}
	im->heard = clock_ns();
	status = natsMsg_GetDataLength(message) == 0 ? message_line(message, "Status") : NULL;
	if (status != NULL) {
		take_status(im, message, status);
		natsMsg_Destroy(message);
		return NULL;
	}
	if (im->asked != 0)
		im->asked--;
	adapt(im, natsMsg_GetDataLength(message));
	return message;
}
