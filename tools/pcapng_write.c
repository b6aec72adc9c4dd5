/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "pcapng.h"

#define BLOCK_BYTES 512 /* more than any block but for a message, of which the name is the longest part: 256 bytes */

/* A block, or what follows a message in one, as it grows. */
struct block {
	unsigned char bytes[BLOCK_BYTES];
	size_t used;
};

static void add(struct block *b, const void *data, size_t size)
{
	memcpy(b->bytes + b->used, data, size);
	b->used += size;
}

static void add_16(struct block *b, uint16_t value)
{
	add(b, &value, sizeof value);
}

static void add_32(struct block *b, uint32_t value)
{
	add(b, &value, sizeof value);
}

static void add_option(struct block *b, uint16_t code, const void *data, size_t size)
{
	static const unsigned char zeros[4];

	add_16(b, code);
	add_16(b, (uint16_t)size);
	add(b, data, size);
	add(b, zeros, -size & 3);
}

static void add_option_64(struct block *b, uint16_t code, uint64_t value)
{
	add_option(b, code, &value, sizeof value);
}

/* The high half first, whatever the byte order. */
static void add_time(struct block *b, uint64_t ns)
{
	add_32(b, (uint32_t)(ns >> 32));
	add_32(b, (uint32_t)ns);
}

static void begin(struct block *b, uint32_t type)
{
	b->used = 0;
	add_32(b, type);
	add_32(b, 0); /* the length, which end() stores */
}

static int end(struct block *b, struct output *out)
{
	uint32_t length = (uint32_t)(b->used + sizeof length);
	struct iovec part = { .iov_base = b->bytes };

	add_32(b, length);
	memcpy(b->bytes + 4, &length, sizeof length);
	part.iov_len = b->used;
	return output_put(out, &part, 1);
}

int pcapng_put_start(struct output *out, const char *queue)
{
	static const char application[] = "shmemq " PACKAGE_VERSION;
	static const unsigned char resolution = PCAPNG_RESOLUTION_NS;
	struct block b;

	begin(&b, PCAPNG_SECTION);
	add_32(&b, PCAPNG_MAGIC);
	add_16(&b, 1); /* version 1.0 */
	add_16(&b, 0);
	add_32(&b, UINT32_MAX); /* the section's length: not given */
	add_32(&b, UINT32_MAX);
	add_option(&b, PCAPNG_APPLICATION, application, sizeof application - 1);
	add_32(&b, PCAPNG_END);
	if (end(&b, out) != 0)
		return -1;
	begin(&b, PCAPNG_INTERFACE);
	add_16(&b, PCAPNG_LINK_USER0);
	add_16(&b, 0);
	add_32(&b, 0); /* no limit on the bytes of a message */
	add_option(&b, PCAPNG_NAME, queue, strlen(queue));
	add_option(&b, PCAPNG_RESOLUTION, &resolution, sizeof resolution);
	add_32(&b, PCAPNG_END);
	return end(&b, out);
}

int pcapng_put_message(struct output *out, const struct pcapng_message *message)
{
	static const unsigned char zeros[4];
	struct block head, tail = { .used = 0 };
	struct iovec parts[] = {
		{ .iov_base = head.bytes },
		{ .iov_base = (void *)(uintptr_t)message->data, .iov_len = message->size },
		{ .iov_base = tail.bytes },
	};
	uint32_t length;

	add(&tail, zeros, -message->size & 3);
	if (message->dropped != 0)
		add_option_64(&tail, PCAPNG_DROPPED, message->dropped);
	if (message->type != 0)
		add_option(&tail, PCAPNG_TAG, &message->type, sizeof message->type);
	if (message->dropped != 0 || message->type != 0)
		add_32(&tail, PCAPNG_END);
	begin(&head, PCAPNG_PACKET);
	add_32(&head, 0); /* the interface */
	add_time(&head, message->ns);
	add_32(&head, (uint32_t)message->size); /* at most 1 GiB */
	add_32(&head, (uint32_t)message->size);
	length = (uint32_t)(head.used + message->size + tail.used + sizeof length);
	memcpy(head.bytes + 4, &length, sizeof length);
	add_32(&tail, length);
	parts[0].iov_len = head.used;
	parts[2].iov_len = tail.used;
	return output_put(out, parts, 3);
}

int pcapng_put_statistics(struct output *out, uint64_t ns, uint64_t messages, uint64_t lost)
{
	struct block b;

	begin(&b, PCAPNG_STATISTICS);
	add_32(&b, 0); /* the interface */
	add_time(&b, ns);
	add_option_64(&b, PCAPNG_RECEIVED, messages + lost);
	add_option_64(&b, PCAPNG_LOST, lost);
	add_32(&b, PCAPNG_END);
	return end(&b, out);
}
