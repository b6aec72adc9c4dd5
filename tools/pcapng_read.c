/* SPDX-License-Identifier: MIT */
/* Nothing in the file is trusted: each length is checked before it is used. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng.h"
#include "text.h"

#define NS_PER_S       UINT64_C(1000000000)
#define HEAD_BYTES     8  /* type and length of a block */
#define BLOCK_BYTES    12 /* these, and the length again */
#define BLOCK_MAX      ((1u << 30) + (1u << 20))
#define GROW_BYTES     ((size_t)1 << 20)
#define INTERFACES_MAX 65536

struct pcapng_interface {
	unsigned resolution; /* a unit of time: 10 ^ -n s, or with the bit below, 2 ^ -n s */
	int64_t offset;      /* s, to be added */
};

#define BINARY 0x80u

static uint32_t get_32(const struct pcapng_reader *r, const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return r->opposite ? __builtin_bswap32(value) : value;
}

static uint16_t get_16(const struct pcapng_reader *r, const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof value);
	return r->opposite ? __builtin_bswap16(value) : value;
}

static uint64_t get_64(const struct pcapng_reader *r, const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return r->opposite ? __builtin_bswap64(value) : value;
}

static int fault(struct pcapng_reader *r, const char *text)
{
	r->fault = text;
	return -1;
}

/* Reads `size` bytes to `body`, which grows as they come: a file may claim more than it has. Returns 0 or -1. */
static int read_body(struct pcapng_reader *r, size_t size)
{
	size_t have = 0;

	while (have < size) {
		size_t wanted = size - have < GROW_BYTES ? size - have : GROW_BYTES;

		if (r->room < have + wanted) {
			size_t room = 2 * (have + wanted);
			unsigned char *grown = realloc(r->body, room);

			if (grown == NULL)
				return fault(r, strerror(ENOMEM));
			r->body = grown;
			r->room = room;
		}
		if (fread(r->body + have, 1, wanted, r->file) != wanted)
			return ferror(r->file) ? -1 : fault(r, "it ends inside a block");
		have += wanted;
	}
	return 0;
}

/* Reads one block, but for its lengths. Returns 1, and 0 at the end of the file. */
static int read_block(struct pcapng_reader *r, uint32_t *type, size_t *size)
{
	unsigned char head[HEAD_BYTES + 4];
	size_t got = fread(head, 1, HEAD_BYTES, r->file), extra = 0;
	uint32_t length;

	if (got == 0 && feof(r->file))
		return r->started ? 0 : fault(r, "it is empty");
	if (got != HEAD_BYTES)
		return ferror(r->file) ? -1 : fault(r, r->started ? "it ends inside a block" : "it is no pcapng file");
	*type = get_32(r, head);
	if (*type == PCAPNG_SECTION) { /* the same in both byte orders */
		if (fread(head + HEAD_BYTES, 1, 4, r->file) != 4)
			return ferror(r->file) ? -1 : fault(r, "it ends inside a block");
		r->opposite = false;
		r->opposite = get_32(r, head + HEAD_BYTES) != PCAPNG_MAGIC;
		if (get_32(r, head + HEAD_BYTES) != PCAPNG_MAGIC)
			return fault(r, "it is no pcapng file");
		r->started = true;
		r->count = 0; /* of interfaces: they belong to a section */
		extra = 4;
	} else if (!r->started) {
		return fault(r, "it is no pcapng file");
	}
	length = get_32(r, head + 4);
	if (length < BLOCK_BYTES + extra || length > BLOCK_MAX || length % 4 != 0)
		return fault(r, "a block has an impossible length");
	*size = length - BLOCK_BYTES - extra;
	if (read_body(r, *size + 4) != 0)
		return -1;
	if (get_32(r, r->body + *size) != length)
		return fault(r, "the two lengths of a block differ");
	r->block += length;
	return 1;
}

/* The next option in the bytes from *at to `end` of the block. False: there is none. */
static bool next_option(const struct pcapng_reader *r, size_t *at, size_t end, uint16_t *code, size_t *size,
			const unsigned char **value)
{
	if (end - *at < 4)
		return false;
	*code = get_16(r, r->body + *at);
	*size = get_16(r, r->body + *at + 2);
	*value = r->body + *at + 4;
	if (*code == PCAPNG_END || end - *at - 4 < *size)
		return false;
	*at += 4 + *size + (-*size & 3);
	if (*at > end)
		*at = end;
	return true;
}

static int read_interface(struct pcapng_reader *r, size_t size)
{
	struct pcapng_interface interface = { .resolution = 6 }, *grown;
	const unsigned char *value;
	size_t at = 8, bytes;
	uint16_t code;

	if (size < at)
		return fault(r, "the block of an interface is too short");
	while (next_option(r, &at, size, &code, &bytes, &value)) {
		if (code == PCAPNG_RESOLUTION && bytes == 1)
			interface.resolution = *value;
		if (code == PCAPNG_OFFSET && bytes == 8)
			interface.offset = (int64_t)get_64(r, value);
		if (code == PCAPNG_NAME && r->queue == NULL) {
			r->queue = allocate(bytes + 1);
			memcpy(r->queue, value, bytes);
			r->queue[bytes] = '\0';
		}
	}
	if (r->count == INTERFACES_MAX)
		return fault(r, "it has too many interfaces");
	grown = realloc(r->interfaces, (r->count + 1) * sizeof *grown);
	if (grown == NULL)
		return fault(r, strerror(ENOMEM));
	r->interfaces = grown;
	r->interfaces[r->count++] = interface;
	return 0;
}

/* All arithmetic is modulo 2 ^ 64: an impossible time comes out as another one. */
static uint64_t to_ns(const struct pcapng_interface *i, uint64_t time)
{
	uint64_t offset = (uint64_t)i->offset * NS_PER_S;
	unsigned n = i->resolution & ~BINARY;

	if (i->resolution & BINARY) {
		uint64_t unit = n < 63 ? UINT64_C(1) << n : UINT64_C(1) << 63;

		return offset + time / unit * NS_PER_S + (uint64_t)((double)(time % unit) / (double)unit * 1e9);
	}
	for (; n < 9; n++)
		time *= 10;
	for (; n > 9 && time != 0; n--)
		time /= 10;
	return offset + time;
}

static int read_packet(struct pcapng_reader *r, size_t size, struct pcapng_message *message)
{
	const unsigned char *value;
	size_t at = 20, bytes;
	uint32_t number;
	uint16_t code;

	if (size < at)
		return fault(r, "the block of a message is too short");
	number = get_32(r, r->body);
	bytes = get_32(r, r->body + 12);
	if (number >= r->count)
		return fault(r, "a message belongs to no interface");
	if (bytes > size - at)
		return fault(r, "a message is longer than its block");
	*message = (struct pcapng_message){ .data = r->body + at, .size = bytes };
	message->ns = to_ns(&r->interfaces[number], (uint64_t)get_32(r, r->body + 4) << 32 | get_32(r, r->body + 8));
	at += bytes + (-bytes & 3);
	while (at < size && next_option(r, &at, size, &code, &bytes, &value)) {
		if (code == PCAPNG_TAG && bytes == 4)
			message->type = get_32(r, value);
	}
	return 1;
}

void pcapng_start(struct pcapng_reader *reader, FILE *file)
{
	*reader = (struct pcapng_reader){ .file = file };
}

void pcapng_free(struct pcapng_reader *reader)
{
	free(reader->body);
	free(reader->interfaces);
	free(reader->queue);
}

int pcapng_next(struct pcapng_reader *reader, struct pcapng_message *message)
{
	uint32_t type;
	size_t size;
	int got;

	while ((got = read_block(reader, &type, &size)) > 0) {
		if (type == PCAPNG_PACKET)
			return read_packet(reader, size, message);
		if (type == PCAPNG_INTERFACE && read_interface(reader, size) != 0)
			return -1;
	}
	return got;
}
