/* SPDX-License-Identifier: MIT */
/* Framing: how push finds the messages in standard input, and how pop separates them on standard output. */
#ifndef TOOLS_FRAME_H
#define TOOLS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_kind {
	FRAME_LINE,  /* a newline after each */
	FRAME_NUL,   /* a null byte after each */
	FRAME_LEN32, /* its length before each, in 32 bits and network byte order */
	FRAME_CHUNK, /* nothing: push makes a message of every `chunk` bytes */
	FRAME_HEX,   /* output only: two digits for each byte, and a newline after each message */
};

#define FRAME_CHUNK_DEFAULT 65536

struct frame {
	enum frame_kind kind;
	size_t chunk;   /* FRAME_CHUNK: bytes; 0: not given */
	size_t scanned; /* for frame_cut() alone: bytes known to hold no delimiter */
};

/* Parses the argument of --frame. */
bool frame_parse(const char *text, struct frame *frame);

/* Does a byte that no message may contain mark the end of each? */
static inline bool frame_delimits(const struct frame *frame)
{
	return frame->kind == FRAME_LINE || frame->kind == FRAME_NUL;
}

/* Does a byte follow each message in the output? */
static inline bool frame_ends(const struct frame *frame)
{
	return frame_delimits(frame) || frame->kind == FRAME_HEX;
}

static inline char frame_delimiter(const struct frame *frame)
{
	return frame->kind == FRAME_NUL ? '\0' : '\n';
}

/* The first message in some bytes. */
struct piece {
	const unsigned char *data;
	size_t size; /* 0 in a part: not known yet */
	size_t used; /* bytes to skip: the message and its frame; of a part, the frame before it */
};

enum cut {
	CUT_WHOLE, /* a message */
	CUT_PART,  /* the beginning of a message, or nothing: more bytes are needed */
};

/* Cuts a message off the `bytes` at `data`, the last ones of the stream if `at_end`. */
enum cut frame_cut(struct frame *frame, const unsigned char *data, size_t bytes, bool at_end, struct piece *piece);

#define FRAME_HEAD_MAX 16

/* Writes what precedes a message of `size` bytes with the tag `*type` (NULL: not shown). Returns its bytes. */
size_t frame_head(const struct frame *frame, size_t size, const uint32_t *type, char head[FRAME_HEAD_MAX]);

#endif
