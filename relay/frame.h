/* SPDX-License-Identifier: MIT */
/*
 * What the relays write into a stream, format 1. No input or output here: a frame is built from messages, and parsed
 * from bytes and header lines that anybody may have written.
 *
 * The messages that a stream carries are numbered from 1: their ordinals. A frame is one message of the stream, with
 * these header lines, in decimal but for the queue:
 *
 *	Shmemq-Format: 1
 *	Shmemq-Queue: 16 hexadecimal digits, the id of the exporter's queue
 *	Shmemq-Last: the ordinal of the last message that is complete after this frame
 *	Shmemq-Count: how many messages are complete with this frame
 *
 *	packed	Count is at least 2. The payload is, for each message: size and type, 32 bits each, little-endian; the
 *		message.
 *	bare	Count is 1. The payload is the message. Shmemq-Type: its type; absent: 0.
 *	part	Shmemq-Part: k/n. The payload is the k-th of n parts of a message of Shmemq-Size bytes, the ordinal of
 *		which is Last + 1, and in the last part, where Count is 1, Last. Shmemq-Type as above.
 *	close	Shmemq-Event: close. Count is 0: the producer has closed the queue after message Last.
 */
#ifndef RELAY_FRAME_H
#define RELAY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_RECORD 8 /* bytes before each message of a packed frame */

enum frame_kind { FRAME_PACKED, FRAME_BARE, FRAME_PART, FRAME_CLOSE };

/* The values of a frame's header lines; NULL: absent. */
struct frame_lines {
	const char *format, *queue, *last, *count, *type, *part, *size, *event;
};

struct frame {
	enum frame_kind kind;
	uint64_t queue;
	uint64_t last;
	uint64_t count;
	uint32_t type;        /* bare, part */
	uint64_t part, parts; /* part: from 1 */
	uint64_t size;        /* part: of the whole message */
	const unsigned char *data;
	size_t bytes; /* at `data` */
};

/* A message of a frame. */
struct frame_message {
	const unsigned char *data;
	size_t size;
	uint32_t type;
};

/*
 * Parses a frame. True: it is one, all of whose messages lie within the `bytes` at `data`, and its numbers agree with
 * each other. The frame refers to `data`.
 */
bool frame_parse(struct frame *frame, const struct frame_lines *lines, const void *data, size_t bytes);

/* The ordinal of the first message that the frame holds, or a part of which it holds; of close, Last + 1. */
uint64_t frame_first(const struct frame *frame);

/* The ordinal of the last one. */
uint64_t frame_end(const struct frame *frame);

/* Takes the message at `*at`, at first 0, of a packed or bare frame that frame_parse() has accepted. */
void frame_take(const struct frame *frame, size_t *at, struct frame_message *message);

/* Appends a message to the `used` bytes of a packed frame. Returns the bytes used then. There must be space. */
size_t frame_append(unsigned char *data, size_t used, const void *message, size_t size, uint32_t type);

/* The header lines of a frame as text; an empty one is left out. */
struct frame_text {
	char queue[17], last[21], count[21], type[11], part[42], size[21];
	const char *event;
};

void frame_text(struct frame_text *text, const struct frame *frame);

#endif
