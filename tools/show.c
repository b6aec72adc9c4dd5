/* SPDX-License-Identifier: MIT */
/* Prints queues as a table, as lines, and as JSON. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queues.h"
#include "text.h"

#define CELL_BYTES 24

static const char *state(uint32_t end)
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

/*
 * The table of ls.
 */

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
	strcpy(row->cells[PRODUCER], state(st->producer));
	pid_cell(row->cells[PRODUCER_PID], st->producer_pid);
	strcpy(row->cells[CONSUMER], state(st->consumer));
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

/* Aligns numbers to the right and words to the left. `row`: NULL for the titles. */
static void print_row(const struct row *row, const size_t widths[COLUMNS])
{
	for (size_t i = 0; i < COLUMNS; i++) {
		const char *text = cell(row, i);
		int blanks = (int)(widths[i] - columns(text));
		int numeric = (i >= CAPACITY && i <= POPPED) || i == PRODUCER_PID || (i >= CONSUMER_PID && i <= LIMIT);

		printf("%s%*s%s%*s", i != 0 ? "  " : "", numeric ? blanks : 0, "", text,
		       numeric || i == WAITING ? 0 : blanks, "");
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
	print_row(NULL, widths);
	for (size_t r = 0; r < count; r++) {
		print_row(&rows[r], widths);
		free(rows[r].name);
	}
	free(rows);
}

/*
 * The fields of stat, the same as text and as JSON.
 */

struct field {
	const char *key;
	enum { NUMBER, ID, PID, STATE, FLAG, BYTES_64 } kind;
	uint64_t value; /* of the kind; PID: 0 is none; BYTES_64: not used, since there is only one */
};

/* The creator's bytes, without the zeros at their end. */
static size_t user_bytes(const struct queue *queue)
{
	size_t bytes = sizeof queue->attr.user;

	while (bytes > 0 && queue->attr.user[bytes - 1] == 0)
		bytes--;
	return bytes;
}

/* As text: each zero as \x00. */
static void print_user(const struct queue *queue)
{
	char part[sizeof queue->attr.user + 1];
	size_t bytes = user_bytes(queue);

	if (bytes == 0)
		putchar('-');
	for (size_t at = 0; at < bytes; at += strlen(part) + 1) {
		char *text;

		memcpy(part, queue->attr.user + at, bytes - at);
		part[bytes - at] = '\0';
		text = printable(part);
		printf("%s%s", text, at + strlen(part) < bytes ? "\\x00" : "");
		free(text);
	}
}

/* As JSON: a string up to the first zero; and all bytes in hexadecimal if that does not say it all. */
static void print_user_json(const struct queue *queue)
{
	char text[sizeof queue->attr.user + 1];
	size_t bytes = user_bytes(queue);

	memcpy(text, queue->attr.user, bytes);
	text[bytes] = '\0';
	if (bytes == 0)
		fputs("null", stdout);
	else
		json_string(stdout, text);
	if (strlen(text) == bytes && is_utf8(text))
		return;
	fputs(", \"user_hex\": \"", stdout);
	for (size_t i = 0; i < bytes; i++)
		printf("%02x", (unsigned)queue->attr.user[i]);
	putchar('"');
}

static void print_value(const struct queue *queue, const struct field *field, bool json)
{
	switch (field->kind) {
	case BYTES_64:
		(json ? print_user_json : print_user)(queue);
		break;
	case STATE:
		printf(json ? "\"%s\"" : "%s", state((uint32_t)field->value));
		break;
	case FLAG:
		fputs(field->value != 0 ? json ? "true" : "yes" : json ? "false" : "no", stdout);
		break;
	case ID:
		printf(json ? "\"%016" PRIx64 "\"" : "%016" PRIx64, field->value);
		break;
	case PID:
	case NUMBER:
		if (field->kind == PID && field->value == 0)
			fputs(json ? "null" : "-", stdout);
		else
			printf("%" PRIu64, field->value);
		break;
	}
}

static void print_fields(const struct queue *queue, bool json)
{
	const struct shmemq_stat *st = &queue->stat;
	const struct field fields[] = {
		{ "capacity", NUMBER, st->capacity },
		{ "capacity_max", NUMBER, queue->attr.capacity_max },
		{ "message_max", NUMBER, queue->attr.message_max },
		{ "alignment", NUMBER, queue->attr.alignment },
		{ "id", ID, queue->attr.id },
		{ "temporary", FLAG, queue->attr.flags & SHMEMQ_ATTR_TEMPORARY },
		{ "broadcast", FLAG, queue->attr.flags & SHMEMQ_ATTR_BROADCAST },
		{ "messages_max", NUMBER, queue->attr.messages_max },
		{ "user", BYTES_64, 0 },
		{ "queued_messages", NUMBER, st->queued_messages },
		{ "queued_bytes", NUMBER, st->queued_bytes },
		{ "pushed_messages", NUMBER, st->pushed_messages },
		{ "pushed_bytes", NUMBER, st->pushed_bytes },
		{ "popped_messages", NUMBER, st->popped_messages },
		{ "popped_bytes", NUMBER, st->popped_bytes },
		{ "reserved_bytes", NUMBER, st->reserved_bytes },
		{ "reserved_most", NUMBER, st->reserved_bytes_most },
		{ "producer", STATE, st->producer },
		{ "producer_pid", PID, st->producer_pid },
		{ "producer_waiting", FLAG, st->waiting & SHMEMQ_WAIT_PRODUCER },
		{ "consumer", STATE, st->consumer },
		{ "consumer_pid", PID, st->consumer_pid },
		{ "consumer_waiting", FLAG, st->waiting & SHMEMQ_WAIT_CONSUMER },
		{ "producers", NUMBER, st->producers },
		{ "consumers", NUMBER, st->consumers },
		{ "slowest_pid", PID, st->slowest_pid },
		{ "slowest_messages", NUMBER, st->slowest_messages },
		{ "slowest_bytes", NUMBER, st->slowest_bytes },
		{ "producer_mark", NUMBER, st->producer_mark },
		{ "consumer_mark", NUMBER, st->consumer_mark },
	};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		printf(json ? ", \"%s\": " : "\n%-16s  ", fields[i].key);
		print_value(queue, &fields[i], json);
	}
}

void show_fields(const struct queue *queue)
{
	char *name = printable(queue->name);

	printf("%-16s  %s", "name", name);
	free(name);
	print_fields(queue, false);
	putchar('\n');
}

void show_json(const struct queue *queue)
{
	fputs("{\"name\": ", stdout);
	json_string(stdout, queue->name);
	/* A JSON string holds UTF-8 only: of another name, the bytes follow in hexadecimal. */
	if (!is_utf8(queue->name)) {
		fputs(", \"name_hex\": \"", stdout);
		for (const char *c = queue->name; *c != '\0'; c++)
			printf("%02x", (unsigned)(unsigned char)*c);
		putchar('"');
	}
	print_fields(queue, true);
	putchar('}');
}
