/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "report.h"

#include <errno.h>
#include <shmemq.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "text.h"

#define NAME_BYTES_MAX 255 /* after the slash */

static void line(const char *name, const char *format, va_list args) PRINTF_LIKE(2, 0);

static void line(const char *name, const char *format, va_list args)
{
	char *text;

	progress_break();
	fputs("shmemq: ", stderr);
	if (name != NULL) {
		text = printable(name);
		fprintf(stderr, "%s: ", text);
		free(text);
	}
	/* The text may quote the command line. Control characters must not break the line. */
	if (vasprintf(&text, format, args) >= 0) {
		print_line(stderr, text);
		free(text);
	} else {
		putc('\n', stderr);
	}
}

int report(const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(name, format, args);
	va_end(args);
	return STATUS_FAILED;
}

int report_usage(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(command, format, args);
	va_end(args);
	fputs("Try 'shmemq --help'.\n", stderr);
	return STATUS_USAGE;
}

/* What is wrong with the name of a queue, or NULL. */
static const char *name_fault(const char *name)
{
	if (name[0] != '/')
		return "it must begin with a slash, as in \"/foo\"";
	if (name[1] == '\0')
		return "something must follow the slash, as in \"/foo\"";
	if (strchr(name + 1, '/') != NULL)
		return "it must have no other slash than the first, as in \"/foo\"";
	if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
		return "a queue cannot be called \".\" or \"..\"";
	if (strlen(name + 1) > NAME_BYTES_MAX)
		return "it must have at most 255 bytes after the slash";
	return NULL;
}

static int report_name(const char *name, const char *fault)
{
	char *text = printable(name);

	report(NULL, "invalid queue name \"%s\": %s", text, fault);
	free(text);
	return STATUS_FAILED;
}

/* The pid is read after the failed open, so it may already be another process's: it is a hint for the user. */
static int report_busy(const char *name, unsigned flags)
{
	static const char hint[] = "to share it, start every process with --shared";
	const char *end = flags & SHMEMQ_PRODUCER ? "producer" : "consumer";
	struct shmemq *q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL);
	struct shmemq_stat st;
	uint32_t pid = 0;

	if (q != NULL) {
		if (shmemq_stat(q, &st) == 0)
			pid = flags & SHMEMQ_PRODUCER ? st.producer_pid : st.consumer_pid;
		shmemq_close(q);
	}
	if (pid == 0)
		return report(name, "the %s end is in use; %s", end, hint);
	return report(name, "the %s end is in use by process %lu; %s", end, (unsigned long)pid, hint);
}

static const char *meaning(int err)
{
	switch (err) {
	case EACCES:
		return "permission denied";
	case EBADMSG:
		return "its shared memory is damaged; remove the queue and create it again";
	case EEXIST:
		return "already exists";
	case EINVAL: /* the name is valid */
		return "this needs Linux 4.14 or later";
	case ENOENT:
		return "no such queue";
	case ENOSPC:
		return "/dev/shm has not enough free space for the capacity of the queue";
	case EOPNOTSUPP:
		return "/dev/shm must be a tmpfs (it is missing, or cannot reserve memory), and the machine must be "
		       "able "
		       "to map memory twice";
	case EPROTO:
		return "not a queue, or in a format that this libshmemq cannot use";
	case ETIMEDOUT:
		return "timed out: for a second, another process has been opening or closing it";
	default:
		return strerror(err);
	}
}

int report_queue(const char *name, unsigned flags, int err)
{
	const char *fault = name_fault(name);

	if (fault != NULL)
		return report_name(name, fault);
	if (err == EBUSY && flags & (SHMEMQ_PRODUCER | SHMEMQ_CONSUMER))
		return report_busy(name, flags);
	return report(name, "%s", meaning(err));
}

int finish_output(void)
{
	int bad = ferror(stdout);

	/* Some file systems report only at close(2) that they are full. */
	if (fclose(stdout) != 0)
		return report(NULL, "standard output: %s", strerror(errno));
	return bad ? report(NULL, "standard output: write error") : 0;
}
