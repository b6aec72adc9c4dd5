/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ends.h"
#include "progress.h"
#include "queues.h"
#include "suggest.h"
#include "text.h"

/*
 * What an errno of a call on a queue means: the exit status, and the text. All failures of calls get their statuses
 * here. NULL: what strerror(3) says; or the caller says it, and how far it came.
 */
static const struct {
	int err;
	enum status status;
	const char *text;
} meanings[] = {
	{ EACCES, STATUS_PERMISSION, "permission denied" },
	{ EAGAIN, STATUS_TIMEOUT, NULL },
	{ EBADMSG, STATUS_FAILED, "its shared memory is damaged; remove the queue and create it again" },
	{ EBUSY, STATUS_BUSY, NULL },
	{ EEXIST, STATUS_FAILED, "already exists" },
	{ EINVAL, STATUS_FAILED, "this needs Linux 4.14 or later" }, /* the name is valid */
	{ ENOENT, STATUS_NO_QUEUE, "no such queue" },
	{ ENOSPC, STATUS_FAILED, "/dev/shm has not enough free space for the capacity of the queue" },
	{ EOPNOTSUPP, STATUS_FAILED,
	  "/dev/shm must be a tmpfs (it is missing, or cannot reserve memory), and the machine must be able to map "
	  "memory twice" },
	{ EOWNERDEAD, STATUS_PEER_GONE, NULL },
	{ EPERM, STATUS_PERMISSION, NULL },
	{ EPIPE, STATUS_PEER_GONE, NULL },
	{ EPROTO, STATUS_FAILED, "not a queue, or in a format that this libshmemq cannot use" },
	{ ETIMEDOUT, STATUS_TIMEOUT, "timed out: for a second, another process has been opening or closing it" },
};

#define MEANINGS (sizeof meanings / sizeof meanings[0])

static int status_of(int err)
{
	for (size_t i = 0; i < MEANINGS; i++) {
		if (meanings[i].err == err)
			return meanings[i].status;
	}
	return STATUS_FAILED;
}

static const char *meaning(int err)
{
	for (size_t i = 0; i < MEANINGS; i++) {
		if (meanings[i].err == err && meanings[i].text != NULL)
			return meanings[i].text;
	}
	return strerror(err);
}

int status_join(int one, int other)
{
	return one == 0 || one == other ? other : other == 0 ? one : STATUS_FAILED;
}

static void line(const char *name, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* At once, so that the lines of processes that share standard error do not break each other up. */
static void line(const char *name, const char *format, va_list args)
{
	char *text, *whole = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&whole, &bytes);

	progress_break();
	if (out == NULL)
		out = stderr; /* no memory: better in parts than not at all */
	fputs("shmemq: ", out);
	if (name != NULL) {
		text = printable(name);
		fprintf(out, "%s: ", text);
		free(text);
	}
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	/* It may quote the command line. Control characters must not break the line. */
	print_line(out, text != NULL ? text : "");
	free(text);
	if (out != stderr && fclose(out) == 0)
		fwrite(whole, 1, bytes, stderr);
	free(whole);
}

int report(const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(name, format, args);
	va_end(args);
	return STATUS_FAILED;
}

int report_as(int err, const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(name, format, args);
	va_end(args);
	return status_of(err);
}

int report_usage(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(command, format, args);
	va_end(args);
	fprintf(stderr, "Try 'shmemq %s%s--help'.\n", command != NULL ? command : "", command != NULL ? " " : "");
	return STATUS_USAGE;
}

/* All of this is read after the failed open, so it may already be another process: it is a hint for the user. */
int report_in_use(const char *name, unsigned flags, const char *hint)
{
	bool producer = flags & SHMEMQ_PRODUCER;
	struct shmemq *q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL);
	char *holders = NULL;
	struct shmemq_stat st;
	int status;

	if (q != NULL) {
		if (shmemq_stat(q, &st) == 0)
			holders = end_holders(&st, producer);
		shmemq_close(q);
	}
	status = report_as(EBUSY, name, "the %s end is in use%s%s; %s", producer ? "producer" : "consumer",
			   holders != NULL ? " by " : "", holders != NULL ? holders : "", hint);
	free(holders);
	return status;
}

int report_timeout(struct shmemq *q, const char *name, unsigned end, const char *what, const char *moved,
		   uint64_t messages)
{
	bool producer = end == SHMEMQ_PRODUCER;
	char *awaited = NULL, *rival = NULL;
	struct shmemq_stat st;
	int status;

	if (shmemq_stat(q, &st) == 0) {
		rival = end == SHMEMQ_FOLLOWER ? NULL : end_rival(&st, producer);
		awaited = end_awaited(&st, !producer);
	}
	if (rival != NULL)
		status = report_as(ETIMEDOUT, name, "timed out: %s holds the %s end; messages %s: %" PRIu64, rival,
				   producer ? "producer" : "consumer", moved, messages);
	else
		status = report_as(ETIMEDOUT, name, "timed out: %s%s%s; messages %s: %" PRIu64, what,
				   awaited != NULL ? ", and " : "", awaited != NULL ? awaited : "", moved, messages);
	free(awaited);
	free(rival);
	return status;
}

int report_died(struct shmemq *q, const char *name, bool producer, const char *what, const char *moved,
		uint64_t messages)
{
	struct shmemq_stat st;
	char *died = NULL;
	int status;

	/* Unless another process has claimed the end meanwhile. */
	if (shmemq_stat(q, &st) == 0 && (producer ? st.producer : st.consumer) == SHMEMQ_END_DEAD)
		died = end_awaited(&st, producer);
	status = report_as(EOWNERDEAD, name, "%s%s; messages %s: %" PRIu64, what,
			   died != NULL ? died
			   : producer   ? "the producer has died"
					: "the consumer has died",
			   moved, messages);
	free(died);
	return status;
}

/* Whose the queue is and what its mode allows. It may have changed since the call that failed: it is a hint. */
static int report_denied(const char *name, int err)
{
	char *path = allocate(sizeof QUEUES_DIRECTORY + strlen(name)), number[16];
	const struct passwd *user;
	const char *owner = number;
	struct stat st;
	int known;

	sprintf(path, "%s%s", QUEUES_DIRECTORY, name);
	known = lstat(path, &st) == 0;
	free(path);
	if (!known)
		return report_as(err, name, "%s", meaning(EACCES));
	user = getpwuid(st.st_uid);
	if (user != NULL)
		owner = user->pw_name;
	else
		snprintf(number, sizeof number, "%ju", (uintmax_t)st.st_uid);
	if (err == EPERM) /* a sticky directory: the mode of the file does not matter */
		return report_as(err, name, "%s: only its owner, user %s, may remove it", meaning(EACCES), owner);
	return report_as(err, name, "%s: it belongs to user %s, with mode %03o", meaning(EACCES), owner,
			 (unsigned)st.st_mode & 0777);
}

int report_queue(const char *name, unsigned flags, int err)
{
	if (err == EBUSY && flags & (SHMEMQ_PRODUCER | SHMEMQ_CONSUMER))
		return report_in_use(name, flags, "to share it, start every process with --shared");
	if (err == EACCES || (err == EPERM && flags == 0)) /* without flags it is a removal */
		return report_denied(name, err);
	if (err == ENOENT) {
		char *like = suggest_name(name);

		if (like != NULL) {
			int status = report_as(err, name, "%s; did you mean \"%s\"?", meaning(err), like);

			free(like);
			return status;
		}
	}
	return report_as(err, name, "%s", meaning(err));
}

int finish_output(void)
{
	int bad = ferror(stdout);

	/* Some file systems report only at close(2) that they are full. */
	if (fclose(stdout) != 0)
		return report(NULL, "standard output: %s", strerror(errno));
	return bad ? report(NULL, "standard output: write error") : 0;
}
