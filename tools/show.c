/* SPDX-License-Identifier: MIT */
/* Prints a queue as lines, and as JSON. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "holder.h"
#include "queues.h"
#include "text.h"

struct field {
	const char *key;
	enum { NUMBER, ID, PID, PROCESS, TIME, STATE, FLAG, BYTES_64 } kind;
	uint64_t value; /* of the kind; PID, PROCESS, TIME: 0 is none; BYTES_64: not used, since there is only one */
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

/* As text, with what /proc tells of the process. */
static void print_process(uint32_t pid)
{
	char *text = process_describe(pid);

	printf("%" PRIu32, pid);
	if (text != NULL)
		printf(" %s", text);
	free(text);
}

/* As text. */
static void print_time(uint64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[sizeof "2026-11-29T01:02:03Z"];
	struct tm tm;

	/* Where time_t has 32 bits, from 2038 on. */
	if (when < 0 || (uint64_t)when != seconds || gmtime_r(&when, &tm) == NULL ||
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		printf("%" PRIu64, seconds);
	else
		fputs(text, stdout);
}

static void print_value(const struct queue *queue, const struct field *field, bool json)
{
	switch (field->kind) {
	case BYTES_64:
		(json ? print_user_json : print_user)(queue);
		break;
	case STATE:
		printf(json ? "\"%s\"" : "%s", end_state((uint32_t)field->value));
		break;
	case FLAG:
		fputs(field->value != 0 ? json ? "true" : "yes" : json ? "false" : "no", stdout);
		break;
	case ID:
		printf(json ? "\"%016" PRIx64 "\"" : "%016" PRIx64, field->value);
		break;
	case PID:
	case PROCESS:
	case TIME:
	case NUMBER:
		if (field->kind != NUMBER && field->value == 0)
			fputs(json ? "null" : "-", stdout);
		else if (field->kind == PROCESS && !json)
			print_process((uint32_t)field->value);
		else if (field->kind == TIME && !json)
			print_time(field->value);
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
		{ "queued_most", NUMBER, st->queued_bytes_most },
		{ "pushed_at", TIME, st->pushed_at },
		{ "popped_at", TIME, st->popped_at },
		{ "producer_holder", PROCESS, st->producer_holder_pid },
		{ "producer_blocked", NUMBER, st->producer_blocked },
		{ "producer_slept", NUMBER, st->producer_slept },
		{ "consumer_holder", PROCESS, st->consumer_holder_pid },
		{ "consumer_blocked", NUMBER, st->consumer_blocked },
		{ "consumer_slept", NUMBER, st->consumer_slept },
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

void show_json_open(const struct queue *queue)
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
}

void show_json(const struct queue *queue)
{
	show_json_open(queue);
	putchar('}');
}
