/* SPDX-License-Identifier: MIT */
/*
 * Parses any bytes as a frame of shmemq-nats. The input is eight lines, the header's values in the order of struct
 * frame_lines, an empty one being absent, and then the payload. A frame that is accepted lies within its payload, all
 * of its messages likewise, and its header, written anew, is parsed to the same.
 */
#include "config.h"

#include "frame.h"
#include "fuzz.h"

#define LINES 8
#define LINE  64

const char fuzz_corpus[] = "frame";

static volatile unsigned char sink;

/* Every byte, so that a sanitizer sees one that is not the payload's. */
static void read_all(const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sink ^= data[i];
}

static void take_line(const uint8_t **data, size_t *left, char line[LINE])
{
	size_t length = 0;

	while (*left > 0) {
		char c = (char)**data;

		(*data)++;
		(*left)--;
		if (c == '\n')
			break;
		if (length < LINE - 1)
			line[length++] = c;
	}
	line[length] = '\0';
}

/* What was accepted is what its own header says. */
static void parse_again(const struct frame *frame, const void *data, size_t bytes)
{
	struct frame_text text;
	struct frame again;
	struct frame_lines lines = { .format = "1" };

	frame_text(&text, frame);
	lines.queue = text.queue;
	lines.last = text.last;
	lines.count = text.count;
	lines.type = text.type[0] != '\0' ? text.type : NULL;
	lines.part = text.part[0] != '\0' ? text.part : NULL;
	lines.size = text.size[0] != '\0' ? text.size : NULL;
	lines.event = text.event;
	FUZZ_REFUSE(!frame_parse(&again, &lines, data, bytes));
	FUZZ_REFUSE(again.kind != frame->kind || again.queue != frame->queue || again.last != frame->last ||
		    again.count != frame->count || again.part != frame->part || again.parts != frame->parts ||
		    again.size != frame->size);
	FUZZ_REFUSE((frame->kind == FRAME_BARE || frame->kind == FRAME_PART) && again.type != frame->type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[LINES][LINE];
	const char *value[LINES];
	struct frame_lines lines;
	struct frame_message message;
	struct frame frame;
	size_t at = 0;

	for (int i = 0; i < LINES; i++) {
		take_line(&data, &size, line[i]);
		value[i] = line[i][0] != '\0' ? line[i] : NULL;
	}
	lines = (struct frame_lines){ value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7] };
	if (!frame_parse(&frame, &lines, data, size))
		return 0;
	FUZZ_REFUSE(frame.data != data || frame.bytes != size || frame.count > frame.last);
	FUZZ_REFUSE(frame_end(&frame) < frame.last || frame_first(&frame) > frame_end(&frame) + 1);
	if (frame.kind == FRAME_PACKED || frame.kind == FRAME_BARE) {
		for (uint64_t n = 0; n < frame.count; n++) {
			frame_take(&frame, &at, &message);
			FUZZ_REFUSE(message.data < data || message.size > size ||
				    (size_t)(message.data - data) > size - message.size);
			read_all(message.data, message.size);
		}
		FUZZ_REFUSE(frame.kind == FRAME_PACKED && at != size);
	}
	parse_again(&frame, data, size);
	return 0;
}
