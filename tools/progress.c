/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define MIB         (1 << 20)
#define STAGE_WIDTH 50

bool progress_shown;

static bool line_open;     /* the cursor is in a line that may be rewritten */
static int64_t started_at; /* ns */
static int64_t shown_at;   /* ns */
static uint64_t shown_messages, shown_bytes;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void progress_start(void)
{
	progress_shown = isatty(STDERR_FILENO);
	started_at = shown_at = now_ns();
}

/* Shows the totals, and the rates of the last `messages` and `bytes`, which took `ns`. */
static void rewrite(uint64_t all_messages, uint64_t all_bytes, uint64_t messages, uint64_t bytes, int64_t ns)
{
	double seconds = ns > 0 ? (double)ns / 1e9 : 1e-9;

	/* The blanks erase the end of a longer line. */
	fprintf(stderr, "\r%" PRIu64 " messages, %.1f MiB, %.0f messages/s, %.1f MiB/s    ", all_messages,
		(double)all_bytes / MIB, (double)messages / seconds, (double)bytes / MIB / seconds);
	fflush(stderr);
	line_open = true;
}

void progress_update(uint64_t messages, uint64_t bytes)
{
	int saved = errno;
	int64_t now;

	if (!progress_shown || (now = now_ns()) - shown_at < PROGRESS_NS)
		return;
	rewrite(messages, bytes, messages - shown_messages, bytes - shown_bytes, now - shown_at);
	shown_at = now;
	shown_messages = messages;
	shown_bytes = bytes;
	errno = saved;
}

void progress_finish(uint64_t messages, uint64_t bytes)
{
	if (!progress_shown)
		return;
	rewrite(messages, bytes, messages, bytes, now_ns() - started_at);
	progress_break();
	progress_shown = false;
}

void progress_stage(const char *format, ...)
{
	char text[STAGE_WIDTH + 1];
	va_list arguments;

	if (!progress_shown)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\r%-*s", STAGE_WIDTH, text);
	fflush(stderr);
	line_open = true;
}

void progress_erase(void)
{
	if (line_open)
		fprintf(stderr, "\r%*s\r", STAGE_WIDTH, "");
	line_open = false;
}

void progress_break(void)
{
	if (line_open)
		putc('\n', stderr);
	line_open = false;
}
