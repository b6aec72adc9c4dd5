/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MIB         (1 << 20)
#define STAGE_WIDTH 50
#define LINE_BYTES  128 /* more than any line */

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

/* Rewrites the line with as much of `text` as fits: the rest would begin another line, which is not rewritten. */
static void show(const char *text)
{
	struct winsize size;
	int width = LINE_BYTES;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && size.ws_col < width)
		width = size.ws_col - 1; /* the cursor stays in the line */
	fprintf(stderr, "\r%.*s", width, text);
	fflush(stderr);
	line_open = true;
}

/* Shows the totals, and the rates of the last `messages` and `bytes`, which took `ns`. */
static void rewrite(uint64_t all_messages, uint64_t all_bytes, uint64_t messages, uint64_t bytes, int64_t ns)
{
	double seconds = ns > 0 ? (double)ns / 1e9 : 1e-9;
	char text[LINE_BYTES];

	/* The blanks erase the end of a longer line. */
	snprintf(text, sizeof text, "%" PRIu64 " messages, %.1f MiB, %.0f messages/s, %.1f MiB/s    ", all_messages,
		 (double)all_bytes / MIB, (double)messages / seconds, (double)bytes / MIB / seconds);
	show(text);
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
	char text[STAGE_WIDTH + 1], padded[STAGE_WIDTH + 1];
	va_list arguments;

	if (!progress_shown)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	snprintf(padded, sizeof padded, "%-*s", STAGE_WIDTH, text);
	show(padded);
}

void progress_erase(void)
{
	char blanks[STAGE_WIDTH + 1];

	if (!line_open)
		return;
	snprintf(blanks, sizeof blanks, "%*s", STAGE_WIDTH, "");
	show(blanks);
	putc('\r', stderr);
	line_open = false;
}

void progress_break(void)
{
	if (line_open)
		putc('\n', stderr);
	line_open = false;
}
