/* SPDX-License-Identifier: MIT */
/*
 * shmemq record: follows a queue, and writes what is pushed, and when, to a file. A message's time is that of its read.
 * The file is complete whenever the command waits, and after a signal.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "follow.h"
#include "output.h"
#include "pcapng.h"
#include "report.h"
#include "stop.h"

/*
 * Beside frequent messages a follower is not woken for each, but looks each millisecond. A recorder looks more often,
 * for more exact times, until no message has come for a while. By then it can be woken again.
 */
#define LOOK_NS  200000
#define QUIET_NS 20000000

struct record {
	struct follow follow;
	struct output out;
	const char *file; /* as messages call it */
	uint64_t clock;   /* what is to be added to CLOCK_MONOTONIC for the time of day, in ns */
	uint64_t dropped; /* lost since the last message */
	uint64_t last;    /* its time */
	uint64_t since;   /* since when there is no further one; 0: there may be one */
	bool cut;         /* a write has failed, perhaps within a block: nothing may follow */
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The time of day, as it was at the start: no time in a file is before an earlier one when the clock is set. */
static uint64_t now_ns(const struct record *r)
{
	return r->clock + clock_ns(CLOCK_MONOTONIC);
}

static int write_failed(struct record *r)
{
	r->cut = true;
	return report(r->follow.stream.name, "%s: %s", r->file, strerror(errno));
}

static int flush(struct record *r)
{
	return output_flush(&r->out) != 0 ? write_failed(r) : 0;
}

static int put_message(struct record *r, size_t size, uint32_t type)
{
	struct pcapng_message message = { .data = r->follow.message, .size = size, .type = type, .ns = now_ns(r) };

	message.dropped = r->dropped;
	r->dropped = 0;
	r->last = message.ns;
	r->since = 0;
	if (pcapng_put_message(&r->out, &message) != 0)
		return write_failed(r);
	stream_count(&r->follow.stream, size);
	return 0;
}

/* There is no message. If they are frequent: sleeps until the next look, unless the time is over. */
static bool sleep_shortly(const struct record *r, uint64_t now)
{
	int64_t timeout = r->follow.stream.options->timeout;

	if (now - r->last >= QUIET_NS || (timeout >= 0 && now - r->since >= (uint64_t)timeout))
		return false;
	nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
	return true;
}

/* Returns the exit status. */
static int record_messages(struct record *r)
{
	struct stream *s = &r->follow.stream;
	int status = 0;

	while (status == 0 && stop_signal == 0 && !stream_enough(s)) {
		uint32_t type;
		ssize_t size = follow_try(&r->follow, &type);

		if (size < 0 && errno == EAGAIN) {
			uint64_t now;

			status = flush(r);
			if (status != 0)
				return status;
			now = now_ns(r);
			if (r->since == 0)
				r->since = now;
			if (sleep_shortly(r, now))
				continue;
			size = follow_wait(&r->follow, &type, (int64_t)(now - r->since));
		}
		if (size >= 0)
			status = put_message(r, (size_t)size, type);
		else if (errno == EOVERFLOW)
			status = follow_skip(&r->follow, &r->dropped);
		else if (stop_signal == 0)
			return follow_ended(&r->follow, errno);
	}
	return status;
}

/* Writes the file from its beginning to its end. Returns the exit status. */
static int record(struct record *r)
{
	const struct stream *s = &r->follow.stream;
	int status = 0;

	if (pcapng_put_start(&r->out, s->name) != 0)
		return write_failed(r);
	status = record_messages(r);
	if (!r->cut && pcapng_put_statistics(&r->out, now_ns(r), s->messages, r->follow.lost) != 0)
		status = status_join(status, write_failed(r));
	if (r->follow.lost != 0)
		report(s->name, "messages overwritten before they were read: %" PRIu64 " of %" PRIu64, r->follow.lost,
		       s->messages + r->follow.lost);
	return r->cut ? status : status_join(status, flush(r));
}

/* Messages may be as secret as the queue is, so only this user can read a new file. */
static int open_file(const char *file)
{
	return strcmp(file, "-") == 0 ? STDOUT_FILENO : open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

int run_record(const struct options *options, char **names, int count)
{
	struct record r = { .file = strcmp(names[1], "-") == 0 ? "standard output" : names[1] };
	int status = follow_start(&r.follow, names[0], options, follow_whence(options));

	(void)count;
	if (status != 0)
		return status;
	output_start(&r.out);
	r.clock = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	signal(SIGPIPE, SIG_IGN);
	stop_begin(r.follow.stream.queue);
	r.out.fd = open_file(names[1]);
	if (r.out.fd >= 0)
		status = record(&r);
	else if (stop_signal == 0) /* else it has waited for the reader of a FIFO */
		status = write_failed(&r);
	/* Some file systems report only at close(2) that they are full. */
	if (r.out.fd >= 0 && close(r.out.fd) != 0 && status == 0)
		status = write_failed(&r);
	stop_end();
	output_free(&r.out);
	status = follow_stop(&r.follow, status);
	if (status == 0)
		stop_obey();
	return status;
}
