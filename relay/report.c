/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

bool report_verbose;

static void line(const char *name, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* One write for the line, since other processes may write to the same file. */
static void line(const char *name, const char *format, va_list args)
{
	char *text, *shown = name != NULL ? printable(name) : NULL;

	/* The text may quote a server or the command line. Control characters must not break the line. */
	if (vasprintf(&text, format, args) >= 0) {
		flockfile(stderr);
		fprintf(stderr, "shmemq-nats: %s%s", shown != NULL ? shown : "", shown != NULL ? ": " : "");
		print_line(stderr, text);
		funlockfile(stderr);
		free(text);
	}
	free(shown);
}

int report(const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(name, format, args);
	va_end(args);
	return STATUS_FAILED;
}

int report_as(int status, const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(name, format, args);
	va_end(args);
	return status;
}

int report_usage(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(command, format, args);
	va_end(args);
	fputs("Try 'shmemq-nats --help'.\n", stderr);
	return STATUS_USAGE;
}

void report_event(const char *name, const char *format, ...)
{
	va_list args;

	if (!report_verbose)
		return;
	va_start(args, format);
	line(name, format, args);
	va_end(args);
}

int report_queue(const char *name, int err)
{
	const char *meaning = strerror(err);

	switch (err) {
	case EBUSY:
		return report_as(STATUS_BUSY, name, "another process holds this end of the queue");
	case EBADMSG:
		meaning = "its shared memory is damaged; remove the queue and create it again";
		break;
	case ENOSPC:
		meaning = "/dev/shm has not enough free space for the capacity of the queue";
		break;
	case EPROTO:
		meaning = "not a queue, or in a format that this libshmemq cannot use";
		break;
	}
	return report_as(STATUS_QUEUE, name, "%s", meaning);
}

int finish_output(void)
{
	int bad = ferror(stdout);

	/* Some file systems report only at close(2) that they are full. */
	if (fclose(stdout) != 0)
		return report(NULL, "standard output: %s", strerror(errno));
	return bad ? report(NULL, "standard output: write error") : 0;
}
