/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "numbers.h"

static uint32_t get32(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

static bool parse_id(const char *text, uint64_t *id)
{
	static const char digits[] = "0123456789abcdef";

	*id = 0;
	if (text == NULL || strlen(text) != 16)
		return false;
	for (; *text != '\0'; text++) {
		const char *digit = strchr(digits, *text);

		if (digit == NULL)
			return false;
		*id = *id << 4 | (uint64_t)(digit - digits);
	}
	return true;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
	return text != NULL && parse_decimal(text, max, value);
}

/* k/n */
static bool parse_part(const char *text, uint64_t *part, uint64_t *parts)
{
	const char *slash = strchr(text, '/');
	char first[21];
	size_t length;

	if (slash == NULL)
		return false;
	length = (size_t)(slash - text);
	if (length >= sizeof first)
		return false;
	memcpy(first, text, length);
	first[length] = '\0';
	return parse_decimal(first, UINT32_MAX, part) && parse_decimal(slash + 1, UINT32_MAX, parts) && *part >= 1 &&
	       *part <= *parts;
}

/* Do `count` messages fill exactly the payload? Each size is compared with what is left before it is used. */
static bool is_packed(const unsigned char *data, size_t bytes, uint64_t count)
{
	if (count > bytes / FRAME_RECORD)
		return false;
	for (; count != 0; count--) {
		size_t size;

		if (bytes < FRAME_RECORD)
			return false;
		size = get32(data);
		if (size > bytes - FRAME_RECORD)
			return false;
		data += FRAME_RECORD + size;
		bytes -= FRAME_RECORD + size;
	}
	return bytes == 0;
}

/* A part, of whose message the payload is no more than the whole. */
static bool is_part(struct frame *frame, const struct frame_lines *lines)
{
	return parse_part(lines->part, &frame->part, &frame->parts) &&
	       parse_number(lines->size, UINT32_MAX, &frame->size) && frame->bytes <= frame->size &&
	       frame->count == (frame->part == frame->parts);
}

bool frame_parse(struct frame *frame, const struct frame_lines *lines, const void *data, size_t bytes)
{
	uint64_t type = 0;

	*frame = (struct frame){ .data = data, .bytes = bytes };
	if (lines->format == NULL || strcmp(lines->format, "1") != 0 || !parse_id(lines->queue, &frame->queue) ||
	    !parse_number(lines->last, UINT64_MAX - 1, &frame->last) ||
	    !parse_number(lines->count, UINT32_MAX, &frame->count) || frame->count > frame->last ||
	    (lines->type != NULL && !parse_decimal(lines->type, UINT32_MAX, &type)))
		return false;
	frame->type = (uint32_t)type;
	if (lines->event != NULL) {
		frame->kind = FRAME_CLOSE;
		return strcmp(lines->event, "close") == 0 && frame->count == 0 && bytes == 0;
	}
	if (lines->part != NULL) {
		frame->kind = FRAME_PART;
		return is_part(frame, lines);
	}
	if (frame->count == 1) {
		frame->kind = FRAME_BARE;
		return true;
	}
	frame->kind = FRAME_PACKED;
	return frame->count != 0 && is_packed(data, bytes, frame->count);
}

uint64_t frame_first(const struct frame *frame)
{
	return frame->last - frame->count + 1;
}

uint64_t frame_end(const struct frame *frame)
{
	/* A part that is not the last one belongs to the message after Last. */
	return frame->kind == FRAME_PART && frame->count == 0 ? frame->last + 1 : frame->last;
}

void frame_take(const struct frame *frame, size_t *at, struct frame_message *message)
{
	if (frame->kind == FRAME_BARE) {
		*message = (struct frame_message){ frame->data, frame->bytes, frame->type };
		return;
	}
	message->size = get32(frame->data + *at);
	message->type = get32(frame->data + *at + 4);
	message->data = frame->data + *at + FRAME_RECORD;
	*at += FRAME_RECORD + message->size;
}

size_t frame_append(unsigned char *data, size_t used, const void *message, size_t size, uint32_t type)
{
	put32(data + used, (uint32_t)size);
	put32(data + used + 4, type);
	if (size != 0)
		memcpy(data + used + FRAME_RECORD, message, size);
	return used + FRAME_RECORD + size;
}

void frame_text(struct frame_text *text, const struct frame *frame)
{
	memset(text, 0, sizeof *text);
	snprintf(text->queue, sizeof text->queue, "%016" PRIx64, frame->queue);
	snprintf(text->last, sizeof text->last, "%" PRIu64, frame->last);
	snprintf(text->count, sizeof text->count, "%" PRIu64, frame->count);
	if ((frame->kind == FRAME_BARE || frame->kind == FRAME_PART) && frame->type != 0)
		snprintf(text->type, sizeof text->type, "%" PRIu32, frame->type);
	if (frame->kind == FRAME_PART) {
		snprintf(text->part, sizeof text->part, "%" PRIu64 "/%" PRIu64, frame->part, frame->parts);
		snprintf(text->size, sizeof text->size, "%" PRIu64, frame->size);
	}
	text->event = frame->kind == FRAME_CLOSE ? "close" : NULL;
}
