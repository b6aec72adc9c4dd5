/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "message.h"

#include <inttypes.h>
#include <stdio.h>

#include "numbers.h"

static natsStatus set(natsMsg *message, const char *name, const char *value)
{
	return value == NULL || value[0] == '\0' ? NATS_OK : natsMsgHeader_Set(message, name, value);
}

static natsStatus set_lines(natsMsg *message, const struct frame *frame)
{
	struct frame_text text;
	natsStatus s;

	frame_text(&text, frame);
	s = set(message, "Shmemq-Format", "1");
	if (s == NATS_OK)
		s = set(message, "Shmemq-Queue", text.queue);
	if (s == NATS_OK)
		s = set(message, "Shmemq-Last", text.last);
	if (s == NATS_OK)
		s = set(message, "Shmemq-Count", text.count);
	if (s == NATS_OK)
		s = set(message, "Shmemq-Type", text.type);
	if (s == NATS_OK)
		s = set(message, "Shmemq-Part", text.part);
	if (s == NATS_OK)
		s = set(message, "Shmemq-Size", text.size);
	return s == NATS_OK ? set(message, "Shmemq-Event", text.event) : s;
}

/*
 * Trap 6: to jsPubOptions.ExpectLastSeq, 0 means that nothing is expected. So the line is written here, also for the
 * first message of a stream.
 */
static natsStatus set_chain(natsMsg *message, uint64_t after)
{
	char text[21];

	snprintf(text, sizeof text, "%" PRIu64, after);
	return set(message, "Nats-Expected-Last-Sequence", text);
}

natsMsg *message_make(const char *subject, const struct frame *frame, uint64_t after, bool chained)
{
	natsMsg *message = NULL;
	natsStatus s = natsMsg_Create(&message, subject, NULL, (const char *)frame->data, (int)frame->bytes);

	if (s == NATS_OK)
		s = set_lines(message, frame);
	if (s == NATS_OK && chained)
		s = set_chain(message, after);
	if (s == NATS_OK)
		return message;
	natsMsg_Destroy(message);
	return NULL;
}

const char *message_line(natsMsg *message, const char *name)
{
	const char *value;

	return natsMsgHeader_Get(message, name, &value) == NATS_OK ? value : NULL;
}

bool message_parse(natsMsg *message, struct frame *frame)
{
	const struct frame_lines lines = {
		.format = message_line(message, "Shmemq-Format"),
		.queue = message_line(message, "Shmemq-Queue"),
		.last = message_line(message, "Shmemq-Last"),
		.count = message_line(message, "Shmemq-Count"),
		.type = message_line(message, "Shmemq-Type"),
		.part = message_line(message, "Shmemq-Part"),
		.size = message_line(message, "Shmemq-Size"),
		.event = message_line(message, "Shmemq-Event"),
	};
	int bytes = natsMsg_GetDataLength(message);

	return bytes >= 0 && frame_parse(frame, &lines, natsMsg_GetData(message), (size_t)bytes);
}

uint64_t message_last(natsMsg *message)
{
	const char *text = message_line(message, "Shmemq-Last");
	uint64_t last;

	return text != NULL && parse_decimal(text, UINT64_MAX, &last) ? last : 0;
}

uint64_t message_pending(natsMsg *message)
{
	jsMsgMetaData *meta = NULL;
	uint64_t pending = 0;

	if (natsMsg_GetMetaData(&meta, message) == NATS_OK) {
		pending = meta->NumPending;
		jsMsgMetaData_Destroy(meta);
	}
	return pending;
}
