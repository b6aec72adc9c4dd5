/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "frame.h"

#include <string.h>

#include "numbers.h"

#define LEN32_BYTES 4
#define CHUNK_MAX   (1u << 30)

bool frame_parse(const char *text, struct frame *frame)
{
	uint64_t size;

	*frame = (struct frame){ .kind = FRAME_LINE };
	if (strcmp(text, "line") == 0)
		return true;
	frame->kind = FRAME_NUL;
	if (strcmp(text, "nul") == 0)
		return true;
	frame->kind = FRAME_LEN32;
	if (strcmp(text, "len32") == 0)
		return true;
	frame->kind = FRAME_HEX;
	if (strcmp(text, "hex") == 0)
		return true;
	frame->kind = FRAME_CHUNK;
	if (strcmp(text, "chunk") == 0)
		return true;
	if (strncmp(text, "chunk:", 6) != 0 || !parse_size(text + 6, CHUNK_MAX, &size) || size == 0)
		return false;
	frame->chunk = (size_t)size;
	return true;
}

static enum cut cut_delimited(struct frame *frame, const unsigned char *data, size_t bytes, bool at_end,
			      struct piece *piece)
{
	const unsigned char *end = NULL;

	/* Bytes searched before are not searched again: a long line comes in many parts. */
	if (bytes > frame->scanned)
		end = memchr(data + frame->scanned, frame_delimiter(frame), bytes - frame->scanned);
	frame->scanned = 0;
	if (end != NULL) {
		*piece = (struct piece){ .data = data, .size = (size_t)(end - data), .used = (size_t)(end - data) + 1 };
		return CUT_WHOLE;
	}
	if (at_end && bytes != 0) {
		*piece = (struct piece){ .data = data, .size = bytes, .used = bytes };
		return CUT_WHOLE;
	}
	frame->scanned = bytes;
	*piece = (struct piece){ .data = data };
	return CUT_PART;
}

static enum cut cut_len32(const unsigned char *data, size_t bytes, struct piece *piece)
{
	*piece = (struct piece){ .data = data };
	if (bytes < LEN32_BYTES)
		return CUT_PART;
	piece->data = data + LEN32_BYTES;
	piece->size = (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
	piece->used = LEN32_BYTES;
	if (bytes - LEN32_BYTES < piece->size)
		return CUT_PART;
	piece->used += piece->size;
	return CUT_WHOLE;
}

static enum cut cut_chunk(size_t chunk, const unsigned char *data, size_t bytes, bool at_end, struct piece *piece)
{
	size_t size = bytes < chunk ? bytes : chunk;
	bool whole = size == chunk || (at_end && size != 0);

	*piece = (struct piece){ .data = data, .size = whole ? size : chunk, .used = whole ? size : 0 };
	return whole ? CUT_WHOLE : CUT_PART;
}

enum cut frame_cut(struct frame *frame, const unsigned char *data, size_t bytes, bool at_end, struct piece *piece)
{
	switch (frame->kind) {
	case FRAME_LEN32:
		return cut_len32(data, bytes, piece);
	case FRAME_CHUNK:
		return cut_chunk(frame->chunk, data, bytes, at_end, piece);
	default:
		return cut_delimited(frame, data, bytes, at_end, piece);
	}
}

size_t frame_head(const struct frame *frame, size_t size, const uint32_t *type, char head[FRAME_HEAD_MAX])
{
	char reversed[FRAME_HEAD_MAX];
	size_t bytes = 0, digits = 0;
	uint32_t rest;

	if (frame->kind == FRAME_LEN32) {
		for (int shift = 24; shift >= 0; shift -= 8)
			head[bytes++] = (char)(size >> shift & 0xff);
		return bytes;
	}
	if (type == NULL)
		return 0;
	/* Without snprintf(), which is slow: this runs for every message. */
	rest = *type;
	do
		reversed[digits++] = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	while (digits != 0)
		head[bytes++] = reversed[--digits];
	head[bytes++] = '\t';
	return bytes;
}
