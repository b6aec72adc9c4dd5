/* SPDX-License-Identifier: MIT */
/*
 * Reads any bytes as a file of shmemq replay. Each message lies within the memory of its block; and all that were read,
 * written as shmemq record would, are read again as the same.
 */
#include "config.h"

#include <stdlib.h>

#include "fuzz.h"
#include "pcapng.h"
#include "text.h"

#define KEEP_BYTES (OUTPUT_BYTES / 2) /* what is written stays in the buffer */

const char fuzz_corpus[] = "pcapng";

/* The command's own ends it with a message. */
void *allocate(size_t bytes)
{
	void *memory = malloc(bytes);

	FUZZ_REFUSE(memory == NULL);
	return memory;
}

static FILE *opened(const void *data, size_t size)
{
	FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");

	FUZZ_REFUSE(file == NULL);
	return file;
}

/* Reads all messages; writes them, or, if `written` is given, compares with them. */
static void read_all(const void *data, size_t size, struct output *out, const struct output *written)
{
	struct pcapng_reader reader;
	struct pcapng_message message;
	size_t at = 0;
	int got;

	pcapng_start(&reader, opened(data, size));
	while ((got = pcapng_next(&reader, &message)) > 0) {
		FUZZ_REFUSE(message.size > size);
		if (out->used + message.size > KEEP_BYTES)
			break;
		FUZZ_REFUSE(pcapng_put_message(out, &message) != 0);
		FUZZ_REFUSE(written != NULL && (out->used > written->used ||
						memcmp(out->data + at, written->data + at, out->used - at) != 0));
		at = out->used;
	}
	FUZZ_REFUSE(got < 0 && reader.fault == NULL);
	FUZZ_REFUSE(written != NULL && (got != 0 || out->used != written->used));
	fclose(reader.file);
	pcapng_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct output first, again;

	if (size == 0) /* fmemopen(3) may refuse that */
		return 0;
	output_start(&first);
	output_start(&again);
	FUZZ_REFUSE(pcapng_put_start(&first, "/queue") != 0);
	FUZZ_REFUSE(pcapng_put_start(&again, "/queue") != 0);
	read_all(data, size, &first, NULL);
	read_all(first.data, first.used, &again, &first);
	output_free(&first);
	output_free(&again);
	return 0;
}
