/* SPDX-License-Identifier: MIT */
/* shmemq-nats status: the stream, its exporter, its importers. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "message.h"
#include "report.h"
#include "stop.h"
#include "stream.h"
#include "text.h"

struct shown {
	struct state state;
	bool has_frame;
	struct frame frame; /* the last one, less its payload */
	jsConsumerInfoList *importers;
};

static void show_text(const struct shown *s, const struct names *names)
{
	const struct state *state = &s->state;

	printf("%-11s %s\n%-11s %" PRIu64 " in %" PRIu64 " bytes, of %" PRId64 "\n%-11s %" PRIu64 " to %" PRIu64 "\n",
	       "stream", names->stream, "frames", state->messages, state->bytes, state->max_bytes, "sequences",
	       state->first, state->last);
	printf("%-11s %s, replicas %" PRId64 " (%" PRId64 " current), max-age %.9gs\n", "kept",
	       state->keep ? "to the limits" : "until acknowledged", state->replicas, state->current,
	       (double)state->max_age / 1e9);
	if (s->has_frame)
		printf("%-11s queue %016" PRIx64 ", last message %" PRIu64 "%s\n", "exporter", s->frame.queue,
		       s->frame.last, s->frame.kind == FRAME_CLOSE ? ", closed" : "");
	else
		printf("%-11s none yet\n", "exporter");
	for (int i = 0; s->importers != NULL && i < s->importers->Count; i++) {
		const jsConsumerInfo *c = s->importers->List[i];

		printf("%-11s %s, pending %" PRIu64 ", unacknowledged %" PRId64 ", waiting %" PRId64 "\n", "importer",
		       c->Name, c->NumPending, c->NumAckPending, c->NumWaiting);
	}
}

static void show_json(const struct shown *s, const struct names *names)
{
	const struct state *state = &s->state;

	fputs("{\"stream\": ", stdout);
	json_string(stdout, names->stream);
	printf(", \"frames\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"max_bytes\": %" PRId64 ", \"first\": %" PRIu64
	       ", \"last\": %" PRIu64 ", \"keep\": %s, \"replicas\": %" PRId64 ", \"current\": %" PRId64
	       ", \"max_age_ns\": %" PRId64 ",\n \"exporter\": ",
	       state->messages, state->bytes, state->max_bytes, state->first, state->last,
	       state->keep ? "true" : "false", state->replicas, state->current, state->max_age);
	if (s->has_frame)
		printf("{\"queue\": \"%016" PRIx64 "\", \"last_message\": %" PRIu64 ", \"closed\": %s}", s->frame.queue,
		       s->frame.last, s->frame.kind == FRAME_CLOSE ? "true" : "false");
	else
		fputs("null", stdout);
	fputs(",\n \"importers\": [", stdout);
	for (int i = 0; s->importers != NULL && i < s->importers->Count; i++) {
		const jsConsumerInfo *c = s->importers->List[i];

		fputs(i != 0 ? ", {\"name\": " : "{\"name\": ", stdout);
		json_string(stdout, c->Name);
		printf(", \"pending\": %" PRIu64 ", \"unacknowledged\": %" PRId64 ", \"waiting\": %" PRId64 "}",
		       c->NumPending, c->NumAckPending, c->NumWaiting);
	}
	fputs("]}\n", stdout);
}

static int show(struct link *link, const struct options *options)
{
	struct shown s = { .has_frame = false };
	struct names names = { .stream = "" };
	natsMsg *message = NULL;
	jsErrCode code = 0;

	names_make(&names, options);
	switch (stream_state(link, &names, &s.state, NULL)) {
	case ANSWER_OK:
		break;
	case ANSWER_NONE:
		return report(link->name, "no such stream");
	case ANSWER_LATER:
		return report_as(STATUS_REFUSED, link->name, "the server does not answer");
	case ANSWER_REFUSED:
		return STATUS_REFUSED;
	}
	if (s.state.last != 0 && stream_get(link, &names, s.state.last, &message) == ANSWER_OK)
		s.has_frame = message_parse(message, &s.frame);
	js_Consumers(&s.importers, link->js, names.stream, NULL, &code);
	(option_on(options, OPTION_JSON) ? show_json : show_text)(&s, &names);
	jsConsumerInfoList_Destroy(s.importers);
	natsMsg_Destroy(message);
	return finish_output();
}

int run_status(const struct options *options)
{
	static struct link link;
	int status;

	stop_begin();
	status = link_open(&link, options, 0);
	stop_queue(NULL);
	if (status == 0)
		status = show(&link, options);
	link_close(&link);
	return status;
}
