/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "stream.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "stop.h"

#define INFO_MS     2000 /* for the answer */
#define RETRY_MS    200
#define NONE_TRIES  10 /* a server that starts, or elects a leader, may not know the stream at first */
#define CODE_ACCESS 10035
/* JetStream is off, in the server or for the account. */
#define CODE_NOT_ENABLED         10076
#define CODE_NOT_ENABLED_ACCOUNT 10039

/* A host's name as the name of a durable: no dots and no blanks. */
static void host_name(char *name, size_t bytes)
{
	if (gethostname(name, bytes) != 0)
		snprintf(name, bytes, "host");
	name[bytes - 1] = '\0';
	for (; *name != '\0'; name++) {
		if (strchr(".*> \t/\\", *name) != NULL)
			*name = '_';
	}
}

void names_make(struct names *names, const struct options *options)
{
	const char *stream = options->text[OPTION_STREAM], *durable = options->text[OPTION_DURABLE];
	char host[64];

	snprintf(names->stream, sizeof names->stream, "SHMEMQ_%s", stream);
	snprintf(names->subject, sizeof names->subject, "shmemq.%s", stream);
	host_name(host, sizeof host);
	if (option_on(options, OPTION_KEEP))
		snprintf(names->durable, sizeof names->durable, "to-%s", durable != NULL ? durable : host);
	else
		snprintf(names->durable, sizeof names->durable, "to");
}

enum answer stream_answer(const struct link *link, natsStatus s, jsErrCode code, const char *what)
{
	const char *text = link_error(s);

	if (s == NATS_OK)
		return ANSWER_OK;
	if (s == NATS_NOT_FOUND)
		return ANSWER_NONE;
	if (s == NATS_NOT_PERMITTED || (int)code == CODE_ACCESS || (int)code == CODE_NOT_ENABLED ||
	    (int)code == CODE_NOT_ENABLED_ACCOUNT) {
		report(link->name, "%s: %s", what, text);
		return ANSWER_REFUSED;
	}
	report_event(link->name, "%s: %s; trying again", what, text);
	return ANSWER_LATER;
}

/* What is wrong with a stream that was not made by this program, or was changed since; NULL: nothing. */
static const char *config_fault(const jsStreamConfig *c, const struct names *names)
{
	if (c->SubjectsLen != 1 || strcmp(c->Subjects[0], names->subject) != 0)
		return "its subject is another";
	if (c->Discard != js_DiscardNew)
		return "it discards old messages when it is full";
	if (c->Retention != js_WorkQueuePolicy && c->Retention != js_LimitsPolicy)
		return "its retention is neither work queue nor limits";
	if (c->Mirror != NULL || c->SourcesLen != 0)
		return "it is a copy of other streams";
	if (c->NoAck)
		return "it acknowledges nothing";
	return NULL;
}

/* A single server says nothing of a cluster. A replica that is not there is not current. */
static int64_t count_current(const jsClusterInfo *cluster)
{
	int64_t current = 1; /* the leader */

	for (int i = 0; cluster != NULL && i < cluster->ReplicasLen; i++)
		current += cluster->Replicas[i]->Current && !cluster->Replicas[i]->Offline;
	return current;
}

static void copy_state(struct state *state, const jsStreamInfo *si)
{
	*state = (struct state){
		.first = si->State.FirstSeq,
		.last = si->State.LastSeq,
		.messages = si->State.Msgs,
		.bytes = si->State.Bytes,
		.max_bytes = si->Config->MaxBytes,
		.max_age = si->Config->MaxAge,
		.replicas = si->Config->Replicas,
		.current = count_current(si->Cluster),
		.consumers = si->State.Consumers,
		.keep = si->Config->Retention != js_WorkQueuePolicy,
	};
}

enum answer stream_state(struct link *link, const struct names *names, struct state *state, const char **fault)
{
	jsStreamInfo *si = NULL;
	jsErrCode code = 0;
	jsOptions o;
	natsStatus s = jsOptions_Init(&o);

	o.Wait = INFO_MS;
	if (s == NATS_OK)
		s = js_GetStreamInfo(&si, link->js, names->stream, &o, &code);
	if (s != NATS_OK)
		return stream_answer(link, s, code, "asking for the stream's state");
	copy_state(state, si);
	if (fault != NULL)
		*fault = config_fault(si->Config, names);
	jsStreamInfo_Destroy(si);
	return ANSWER_OK;
}

enum answer stream_get(struct link *link, const struct names *names, uint64_t sequence, natsMsg **message)
{
	jsErrCode code = 0;
	natsStatus s = js_GetMsg(message, link->js, names->stream, sequence, NULL, &code);

	return stream_answer(link, s, code, "reading the stream's last frame");
}

/* Is it otherwise than it must be? */
static const char *keep_fault(const struct state *state, int keep)
{
	if (keep < 0 || state->keep == (keep != 0))
		return NULL;
	return keep ? "it was created without --keep" : "it was created with --keep";
}

int stream_await(struct link *link, const struct names *names, struct state *state, int keep)
{
	const char *fault = NULL;
	int none = 0;

	while (!stop_asked) {
		struct link_news news;

		switch (stream_state(link, names, state, &fault)) {
		case ANSWER_OK:
			if (fault == NULL)
				fault = keep_fault(state, keep);
			if (fault != NULL)
				return report_as(STATUS_CONFIG, names->stream, "this stream cannot be used: %s", fault);
			return 0;
		case ANSWER_NONE:
			if (++none == NONE_TRIES)
				return report_as(STATUS_CONFIG, link->name,
						 "no such stream; \"shmemq-nats create %s\" makes it", link->name);
			break;
		case ANSWER_REFUSED:
			return STATUS_REFUSED;
		case ANSWER_LATER:
			break;
		}
		link_take(link, &news);
		/* An importer may do without, and then does not see how the stream is configured. */
		if (news.denied && keep >= 0 && strstr(news.denial, "$JS.API.STREAM.INFO.") != NULL) {
			link_forgive(link);
			return 0;
		}
		if (news.denied)
			return report_as(STATUS_REFUSED, link->name, "%s", news.denial);
		link_wait(link, RETRY_MS);
	}
	return 0;
}
