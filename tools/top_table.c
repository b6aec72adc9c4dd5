/* SPDX-License-Identifier: MIT */
/* The table of top. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "holder.h"
#include "text.h"
#include "top.h"

#define CELL_BYTES    80 /* a pid, and what process_describe() says: at most 15 bytes of name, as \xNN, and a state */
#define PROCESS_WIDTH 14 /* on a terminal that is narrower than */
#define WIDE          120

enum column { NAME, PUSHES, PUSH_BYTES, POPS, POP_BYTES, FILL, FILL_MOST, LAG, SLOWEST, WAITS, PRODUCER, CONSUMER };

#define COLUMNS (CONSUMER + 1)

static const char *const titles[COLUMNS] = { "NAME", "PUSH/S", "B/S",     "POP/S", "B/S",      "FILL",
					     "MOST", "LAG",    "SLOWEST", "WAITS", "PRODUCER", "CONSUMER" };

/* What a narrow terminal does without, first to last. */
static const size_t spare[] = { SLOWEST, POP_BYTES, PUSH_BYTES, FILL_MOST, LAG, CONSUMER, PRODUCER, WAITS, FILL };

struct row {
	char *name;
	char cells[COLUMNS][CELL_BYTES]; /* but for the name */
};

/* Three digits or four, and a power of 1000. */
static void short_number(char *cell, double number)
{
	static const char units[] = "KMGTPE";
	int unit = -1;

	while (number >= 999.5 && units[unit + 1] != '\0') {
		number /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(cell, CELL_BYTES, number > 0 && number < 9.95 ? "%.1f" : "%.0f", number);
	else
		snprintf(cell, CELL_BYTES, number < 99.95 ? "%.1f%c" : "%.0f%c", number, units[unit]);
}

static void rate_cell(char *cell, const struct watched *w, double rate)
{
	if (w->rated)
		short_number(cell, rate);
	else
		strcpy(cell, "-");
}

/* The process that holds the end; without one, the end's state, and of a shared end how many have it open. */
static void end_cell(char *cell, uint32_t state, uint32_t handles, uint32_t holder)
{
	char *text = holder != 0 ? process_describe(holder) : NULL;

	if (holder != 0)
		snprintf(cell, CELL_BYTES, "%" PRIu32 "%s%s", holder, text != NULL ? " " : "",
			 text != NULL ? text : "");
	else if (handles > 1)
		snprintf(cell, CELL_BYTES, "%" PRIu32 " %s", handles, end_state(state));
	else
		strcpy(cell, end_state(state));
	free(text);
}

static void fill_row(struct row *row, const struct watched *w)
{
	static const char *const waiting[] = { "-", "push", "pop", "both" };
	const struct shmemq_stat *st = &w->queue.stat;

	row->name = printable(w->queue.name);
	rate_cell(row->cells[PUSHES], w, w->pushed[0]);
	rate_cell(row->cells[PUSH_BYTES], w, w->pushed[1]);
	rate_cell(row->cells[POPS], w, w->popped[0]);
	rate_cell(row->cells[POP_BYTES], w, w->popped[1]);
	snprintf(row->cells[FILL], CELL_BYTES, "%.0f%%", 100 * watch_fill(w));
	snprintf(row->cells[FILL_MOST], CELL_BYTES, "%.0f%%", 100 * watch_fill_most(w));
	if (st->queued_messages < 1000)
		snprintf(row->cells[LAG], CELL_BYTES, "%" PRIu64, st->queued_messages);
	else
		short_number(row->cells[LAG], (double)st->queued_messages);
	if (st->slowest_pid != 0)
		snprintf(row->cells[SLOWEST], CELL_BYTES, "%" PRIu32, st->slowest_pid);
	else
		strcpy(row->cells[SLOWEST], "-");
	strcpy(row->cells[WAITS], waiting[st->waiting & (SHMEMQ_WAIT_PRODUCER | SHMEMQ_WAIT_CONSUMER)]);
	end_cell(row->cells[PRODUCER], st->producer, st->producers, st->producer_holder_pid);
	end_cell(row->cells[CONSUMER], st->consumer, st->consumers, st->consumer_holder_pid);
}

static const char *cell(const struct row *row, size_t column)
{
	return row == NULL ? titles[column] : column == NAME ? row->name : row->cells[column];
}

/* Aligns numbers to the right and words to the left. `row`: NULL for the titles. A column of width 0 is not shown. */
static void print_row(FILE *out, const struct row *row, const size_t widths[COLUMNS])
{
	size_t blanks = 0; /* due before the next column: none ends a line */

	for (size_t i = 0; i < COLUMNS; i++) {
		const char *text = cell(row, i);
		size_t width = columns(text), after = 0;

		if (widths[i] == 0)
			continue;
		if (width < widths[i])
			*(i >= PUSHES && i <= SLOWEST ? &blanks : &after) += widths[i] - width;
		fprintf(out, "%*s", (int)blanks, "");
		fit_print(out, text, widths[i]);
		blanks = after + FIT_GAP;
	}
	putc('\n', out);
}

void top_table(FILE *out, const struct watch *watch, size_t first, size_t count, size_t limit)
{
	struct row *rows = allocate(count * sizeof *rows + 1);
	size_t widths[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++)
		widths[i] = columns(titles[i]);
	for (size_t r = 0; r < count; r++) {
		fill_row(&rows[r], watch->sorted[first + r]);
		for (size_t i = 0; i < COLUMNS; i++) {
			size_t width = columns(cell(&rows[r], i));

			if (i >= PRODUCER && limit != 0 && limit < WIDE && width > PROCESS_WIDTH)
				width = PROCESS_WIDTH;
			if (widths[i] < width)
				widths[i] = width;
		}
	}
	fit(widths, COLUMNS, spare, sizeof spare / sizeof spare[0], limit);
	print_row(out, NULL, widths);
	for (size_t r = 0; r < count; r++) {
		print_row(out, &rows[r], widths);
		free(rows[r].name);
	}
	free(rows);
}
