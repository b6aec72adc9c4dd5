/* SPDX-License-Identifier: MIT */
/* How messages stand in a stream of bytes: cut out of standard input, and wrapped for standard output. */
#ifndef TOOLS_FRAME_H
#define TOOLS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_kind {
	FRAME_LINE,  /* a newline behind each */
	FRAME_NUL,   /* a null byte behind each */
	FRAME_LEN32, /* its bytes in 32 bits, network order, before each */
	FRAME_CHUNK, /* nothing: cut every `chunk` bytes */
};

#define FRAME_CHUNK_DEFAULT 65536

struct frame {
	enum frame_kind kind;
	size_t chunk;   /* FRAME_CHUNK: bytes; 0: no size was given */
	size_t scanned; /* frame_cut()'s own: bytes known to hold no delimiter */
};

/* Reads a FRAME argument. */
bool frame_parse(const char *text, struct frame *frame);

/* Is the end of a message marked by a byte that it must not contain? */
static inline bool frame_delimits(const struct frame *frame)
{
	return frame->kind == FRAME_LINE || frame->kind == FRAME_NUL;
}

static inline char frame_delimiter(const struct frame *frame)
{
	return frame->kind == FRAME_LINE ? '\n' : '\0';
}

/* The first message of some bytes. */
struct piece {
	const unsigned char *data;
	size_t size; /* 0 in a part: not known yet */
	size_t used; /* bytes that are done with: the message and its frame, or, in a part, the frame before it */
};

enum cut {
	CUT_WHOLE, /* a message */
	CUT_PART,  /* its beginning, or nothing: more bytes are wanted */
};

/* Cuts a message off the `bytes` at `data`, the last ones of the stream if `at_end`. */
enum cut frame_cut(struct frame *frame, const unsigned char *data, size_t bytes, bool at_end, struct piece *piece);

#define FRAME_HEAD_MAX 16

/* Writes what stands before a message of `size` bytes with the tag `*type` (NULL: not shown). Returns its bytes. */
size_t frame_head(const struct frame *frame, size_t size, const uint32_t *type, char head[FRAME_HEAD_MAX]);

#endif
