/* SPDX-License-Identifier: MIT */
/* shmemq replay: pushes the messages of a file of record, at the pace at which they were recorded, or another one. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "names.h"
#include "pcapng.h"
#include "report.h"
#include "send.h"
#include "stream.h"

#define NS_PER_S   INT64_C(1000000000)
#define FAR_NS     (INT64_MAX / 4)
#define FILE_BYTES ((size_t)256 << 10) /* of a read(2) */

struct replay {
	struct stream stream;
	struct pcapng_reader reader;
	const char *file; /* as messages call it */
	int64_t start;    /* on CLOCK_MONOTONIC, when the first message was due */
	uint64_t first;   /* its time in the file */
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(int64_t due)
{
	struct timespec time = { .tv_sec = (time_t)(due / NS_PER_S), .tv_nsec = (long)(due % NS_PER_S) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL); /* if it is interrupted, the caller looks again */
}

/* Waits until a message of that time is due. One whose time is before that of the first is due at once. */
static void await(const struct replay *r, uint64_t ns)
{
	const struct stream *s = &r->stream;
	double after = ns > r->first ? (double)(ns - r->first) / s->options->speed : 0;
	int64_t due, now;

	if (s->options->speed == 0) /* max */
		return;
	due = r->start + (after < (double)FAR_NS ? (int64_t)after : FAR_NS);
	while ((now = now_ns()) < due) {
		progress_update(s->messages, s->bytes);
		sleep_until(progress_shown && due - now > PROGRESS_NS ? now + PROGRESS_NS : due);
	}
}

/* Reads the next message, and says what is wrong with the file. Returns 1; 0 at the end; or -1. */
static int next_message(struct replay *r, struct pcapng_message *message)
{
	struct pcapng_reader *reader = &r->reader;
	int got = pcapng_next(reader, message);

	if (got < 0 && reader->fault != NULL)
		report(NULL, "%s: %s, at byte %" PRIu64 "; messages pushed: %" PRIu64, r->file, reader->fault,
		       reader->block, r->stream.messages);
	else if (got < 0)
		report(NULL, "%s: %s", r->file, strerror(errno));
	return got;
}

/* Pushes all messages, of which `message` is the first if `got` is 1. Returns the exit status. */
static int replay_messages(struct replay *r, int got, struct pcapng_message *message)
{
	struct stream *s = &r->stream;
	int status = 0;

	r->first = message->ns;
	r->start = now_ns();
	while (got > 0 && !stream_enough(s)) {
		await(r, message->ns);
		status = send_copy(s, message->data, message->size, message->type);
		if (status != 0)
			return status;
		got = stream_enough(s) ? 0 : next_message(r, message);
	}
	return got < 0 ? STATUS_FAILED : status;
}

/* The file is read up to the first message, which tells the queue's name, before the queue is opened. */
static int replay(struct replay *r, const struct options *options, const char *name)
{
	struct pcapng_message message = { .ns = 0 };
	int got = next_message(r, &message), status;

	if (got < 0)
		return STATUS_FAILED;
	if (name == NULL)
		name = r->reader.queue;
	if (name == NULL || name_fault(name) != NULL) /* an interface of another kind: eth0 */
		return report(NULL, "%s: it names no queue: add the NAME of one", r->file);
	status = stream_open(&r->stream, SHMEMQ_PRODUCER, name, options);
	if (status != 0)
		return status;
	return stream_close(&r->stream, replay_messages(r, got, &message));
}

int run_replay(const struct options *options, char **names, int count)
{
	bool standard = strcmp(names[0], "-") == 0;
	struct replay r = { .file = standard ? "standard input" : names[0] };
	FILE *file = standard ? stdin : fopen(names[0], "rbe");
	int status;

	if (file == NULL)
		return report(NULL, "%s: %s", r.file, strerror(errno));
	setvbuf(file, NULL, _IOFBF, FILE_BYTES);
	pcapng_start(&r.reader, file);
	status = replay(&r, options, count > 1 ? names[1] : NULL);
	pcapng_free(&r.reader);
	fclose(file);
	return status;
}
