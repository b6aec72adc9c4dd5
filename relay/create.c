/* SPDX-License-Identifier: MIT */
/* shmemq-nats create and rm. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "report.h"
#include "stop.h"
#include "stream.h"

#define MINUTE_NS   INT64_C(60000000000)
#define STARTING_NS INT64_C(3000000000) /* in which a server that is just being started comes to take clients */

static void configure(jsStreamConfig *c, const struct names *names, const char *subjects[1],
		      const struct options *options)
{
	jsStreamConfig_Init(c);
	subjects[0] = names->subject;
	c->Name = names->stream;
	c->Description = "a queue of libshmemq, carried by shmemq-nats";
	c->Subjects = subjects;
	c->SubjectsLen = 1;
	c->Storage = js_FileStorage;
	c->Discard = js_DiscardNew; /* a full stream makes the producer wait, and loses nothing */
	c->MaxBytes = (int64_t)options->max_bytes;
	c->MaxAge = options->max_age;
	c->Replicas = (int64_t)options->replicas;
	c->Retention = option_on(options, OPTION_KEEP) ? js_LimitsPolicy : js_WorkQueuePolicy;
	/*
	 * The server's window for duplicates, which must not be longer than the age. No frame has an id: it is not
	 * used.
	 */
	c->Duplicates = options->max_age != 0 && options->max_age < 2 * MINUTE_NS ? options->max_age : 2 * MINUTE_NS;
}

/* Says how a stream that exists differs from the one that was asked for. Returns an exit status. */
static int compare(struct link *link, const struct names *names, const jsStreamConfig *c)
{
	struct state state;
	const char *fault = NULL;
	int status = 0;

	if (stream_state(link, names, &state, &fault) != ANSWER_OK)
		return report_as(STATUS_REFUSED, link->name, "the server does not answer");
	if (fault != NULL)
		status = report_as(STATUS_CONFIG, names->stream, "exists, and %s", fault);
	if (state.keep != (c->Retention != js_WorkQueuePolicy))
		status = report_as(STATUS_CONFIG, names->stream, "exists, %s --keep", state.keep ? "with" : "without");
	if (state.max_bytes != c->MaxBytes)
		status = report_as(STATUS_CONFIG, names->stream, "exists, with --max-bytes %" PRId64, state.max_bytes);
	if (state.max_age != c->MaxAge)
		status = report_as(STATUS_CONFIG, names->stream, "exists, with --max-age %.9gs",
				   (double)state.max_age / 1e9);
	if (state.replicas != c->Replicas)
		status = report_as(STATUS_CONFIG, names->stream, "exists, with --replicas %" PRId64, state.replicas);
	return status;
}

static int create(struct link *link, const struct options *options)
{
	struct names names = { .stream = "" };
	struct state state;
	const char *subjects[1];
	jsStreamConfig c;
	jsErrCode code = 0;
	enum answer answer;
	natsStatus s;

	names_make(&names, options);
	configure(&c, &names, subjects, options);
	/* Asked first: to js_AddStream() of an equal stream, servers of different age say different things. */
	answer = stream_state(link, &names, &state, NULL);
	if (answer == ANSWER_REFUSED)
		return STATUS_REFUSED;
	if (answer == ANSWER_OK)
		return compare(link, &names, &c);
	s = js_AddStream(NULL, link->js, &c, NULL, &code);
	if (s == NATS_OK)
		return 0;
	/* Trap 10: the server reserves --max-bytes at once. It then says "insufficient storage resources available". */
	return report_as(STATUS_REFUSED, link->name, "cannot create the stream: %s", link_error(s));
}

int run_create(const struct options *options)
{
	static struct link link;
	int status;

	stop_begin();
	status = link_open(&link, options, STARTING_NS);
	stop_queue(NULL);
	if (status == 0)
		status = create(&link, options);
	link_close(&link);
	return status;
}

int run_rm(const struct options *options)
{
	static struct link link;
	struct names names = { .stream = "" };
	jsErrCode code = 0;
	int status;

	names_make(&names, options);
	stop_begin();
	status = link_open(&link, options, 0);
	stop_queue(NULL);
	if (status == 0) {
		natsStatus s = js_DeleteStream(link.js, names.stream, NULL, &code);

		switch (stream_answer(&link, s, code, "removing the stream")) {
		case ANSWER_OK:
			break;
		case ANSWER_NONE:
			status = report(link.name, "no such stream");
			break;
		default:
			status = report_as(STATUS_REFUSED, link.name, "the stream was not removed: %s",
					   natsStatus_GetText(s));
		}
	}
	link_close(&link);
	return status;
}
