/* SPDX-License-Identifier: MIT */
/* Prints queues as a table. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "queues.h"
#include "text.h"

#define CELL_BYTES 24

const char *end_state(uint32_t end)
{
	switch (end) {
	case SHMEMQ_END_NEVER:
		return "never";
	case SHMEMQ_END_OPEN:
		return "open";
	case SHMEMQ_END_CLOSED:
		return "closed";
	default:
		return "dead";
	}
}

enum column {
	NAME,
	CAPACITY,
	CAPACITY_MAX,
	RESERVED,
	MESSAGES,
	BYTES,
	PUSHED,
	POPPED,
	PRODUCER,
	PRODUCER_PID,
	CONSUMER,
	CONSUMER_PID,
	CONSUMERS,
	SLOWEST,
	LIMIT,
	WAITING,
};

#define COLUMNS (WAITING + 1)

static const char *const titles[COLUMNS] = {
	"NAME",     "CAPACITY", "MAX",      "RESERVED", "MESSAGES",  "BYTES",   "PUSHED", "POPPED",
	"PRODUCER", "PID",      "CONSUMER", "PID",      "CONSUMERS", "SLOWEST", "LIMIT",  "WAITING",
};

/* What a narrow terminal does without, first to last. */
static const size_t spare[] = { LIMIT,  SLOWEST, CONSUMERS, RESERVED, CAPACITY_MAX,
				POPPED, PUSHED,  BYTES,     WAITING,  CAPACITY };

struct row {
	char *name;
	char cells[COLUMNS][CELL_BYTES]; /* but for the name */
};

/* A capacity is a power of two, so nothing is rounded. */
static void capacity_cell(char *cell, uint64_t bytes)
{
	const char *unit = "";

	if (bytes >= 1 << 30) {
		bytes >>= 30;
		unit = "G";
	} else if (bytes >= 1 << 20) {
		bytes >>= 20;
		unit = "M";
	} else if (bytes >= 1 << 10) {
		bytes >>= 10;
		unit = "K";
	}
	snprintf(cell, CELL_BYTES, "%" PRIu64 "%s", bytes, unit);
}

static void number_cell(char *cell, uint64_t number)
{
	snprintf(cell, CELL_BYTES, "%" PRIu64, number);
}

static void pid_cell(char *cell, uint32_t pid)
{
	snprintf(cell, CELL_BYTES, pid != 0 ? "%" PRIu32 : "-", pid);
}

static void fill_row(struct row *row, const struct queue *queue)
{
	static const char *const waiting[] = { "-", "producer", "consumer", "both" };
	const struct shmemq_stat *st = &queue->stat;

	row->name = printable(queue->name);
	capacity_cell(row->cells[CAPACITY], st->capacity);
	capacity_cell(row->cells[CAPACITY_MAX], queue->attr.capacity_max);
	number_cell(row->cells[RESERVED], st->reserved_bytes);
	number_cell(row->cells[MESSAGES], st->queued_messages);
	number_cell(row->cells[BYTES], st->queued_bytes);
	number_cell(row->cells[PUSHED], st->pushed_messages);
	number_cell(row->cells[POPPED], st->popped_messages);
	strcpy(row->cells[PRODUCER], end_state(st->producer));
	pid_cell(row->cells[PRODUCER_PID], st->producer_pid);
	strcpy(row->cells[CONSUMER], end_state(st->consumer));
	pid_cell(row->cells[CONSUMER_PID], st->consumer_pid);
	number_cell(row->cells[CONSUMERS], st->consumers);
	pid_cell(row->cells[SLOWEST], st->slowest_pid);
	if (queue->attr.flags & SHMEMQ_ATTR_BROADCAST && st->slowest_pid == 0)
		strcpy(row->cells[SLOWEST], "none");
	if (queue->attr.messages_max != 0)
		number_cell(row->cells[LIMIT], queue->attr.messages_max);
	else
		strcpy(row->cells[LIMIT], "-");
	strcpy(row->cells[WAITING], waiting[st->waiting & (SHMEMQ_WAIT_PRODUCER | SHMEMQ_WAIT_CONSUMER)]);
}

static const char *cell(const struct row *row, size_t column)
{
	return row == NULL ? titles[column] : column == NAME ? row->name : row->cells[column];
}

/* Aligns numbers to the right and words to the left. `row`: NULL for the titles. A column of width 0 is not shown. */
static void print_row(const struct row *row, const size_t widths[COLUMNS])
{
	size_t blanks = 0; /* due before the next column: none ends a line */

	for (size_t i = 0; i < COLUMNS; i++) {
		const char *text = cell(row, i);
		size_t width = columns(text), after = 0;
		int numeric = (i >= CAPACITY && i <= POPPED) || i == PRODUCER_PID || (i >= CONSUMER_PID && i <= LIMIT);

		if (widths[i] == 0)
			continue;
		if (width < widths[i])
			*(numeric ? &blanks : &after) += widths[i] - width;
		printf("%*s", (int)blanks, "");
		fit_print(stdout, text, widths[i]);
		blanks = after + FIT_GAP;
	}
	putchar('\n');
}

void show_table(const struct queue *list, size_t count)
{
	struct row *rows = allocate(count * sizeof *rows + 1);
	size_t widths[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++)
		widths[i] = columns(titles[i]);
	for (size_t r = 0; r < count; r++) {
		fill_row(&rows[r], &list[r]);
		for (size_t i = 0; i < COLUMNS; i++) {
			size_t width = columns(cell(&rows[r], i));

			if (widths[i] < width)
				widths[i] = width;
		}
	}
	fit(widths, COLUMNS, spare, sizeof spare / sizeof spare[0], fit_limit());
	print_row(NULL, widths);
	for (size_t r = 0; r < count; r++) {
		print_row(&rows[r], widths);
		free(rows[r].name);
	}
	free(rows);
}
