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

static void line(const char *name, const char *format, va_list args) PRINTF_LIKE(2, 0);

static void line(const char *name, const char *format, va_list args)
{
	char *text;

	progress_break();
	fputs("shmemq: ", stderr);
	if (name != NULL) {
		text = printable(name);
		fprintf(stderr, "%s: ", *text != '\0' ? text : "''");
		free(text);
	}
	if (vasprintf(&text, format, args) >= 0) {
		/* It may quote the command line, and stays one line all the same. */
		for (char *c = text; *c != '\0'; c++) {
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				*c = '?';
		}
		fputs(text, stderr);
		free(text);
	}
	putc('\n', stderr);
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

/* The holder may have gone since, and another come: its pid is for a human eye. */
static int report_busy(const char *name, unsigned flags)
{
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
		return report(name, "another %s holds it", end);
	return report(name, "another %s holds it: process %lu", end, (unsigned long)pid);
}

static const char *meaning(int err)
{
	switch (err) {
	case EACCES:
		return "permission denied";
	case EBADMSG:
		return "its shared memory is damaged";
	case EEXIST:
		return "exists already";
	case EINVAL:
		return "not a name: that is a slash and 1 to 255 bytes without one";
	case ENAMETOOLONG:
		return "the name is longer than a slash and 255 bytes";
	case ENOENT:
		return "no such queue";
	case ENOSPC:
		return "no room left in /dev/shm";
	case EOPNOTSUPP:
		return "/dev/shm is missing, or cannot reserve memory";
	case EPROTO:
		return "not a queue of this format";
	case ETIMEDOUT:
		return "another process has been opening or closing it for a second";
	default:
		return strerror(err);
	}
}

int report_queue(const char *name, unsigned flags, int err)
{
	if (err == EBUSY)
		return report_busy(name, flags);
	return report(name, "%s", meaning(err));
}

int finish_output(void)
{
	int bad = ferror(stdout);

	/* Closed as well: some file systems tell only then that they had no room. */
	if (fclose(stdout) != 0)
		return report(NULL, "standard output: %s", strerror(errno));
	return bad ? report(NULL, "standard output: write error") : 0;
}
