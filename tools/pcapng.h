/* SPDX-License-Identifier: MIT */
/*
 * The file of record and replay: pcapng, as https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/ has it, with
 * a message where a captured packet would be. shmemq(1) tells which blocks and options there are.
 *
 * Writer: a section header and one interface, which is the queue; a block for each message; statistics at the end.
 * Reader: any pcapng file, of either byte order; blocks and options that it does not need are passed over.
 */
#ifndef TOOLS_PCAPNG_H
#define TOOLS_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "output.h"

enum {
	PCAPNG_SECTION = 0x0a0d0d0a,
	PCAPNG_MAGIC = 0x1a2b3c4d, /* in a section header, of the writer's byte order */
	PCAPNG_INTERFACE = 1,
	PCAPNG_STATISTICS = 5,
	PCAPNG_PACKET = 6, /* enhanced */
};

/* Options of these blocks. */
enum {
	PCAPNG_END = 0,
	PCAPNG_APPLICATION = 4, /* section */
	PCAPNG_NAME = 2,        /* interface */
	PCAPNG_RESOLUTION = 9,
	PCAPNG_OFFSET = 14,
	PCAPNG_DROPPED = 4,  /* packet: how many were lost before it */
	PCAPNG_TAG = 0x8001, /* of those for local use: the message's tag */
	PCAPNG_RECEIVED = 4, /* statistics */
	PCAPNG_LOST = 5,
};

#define PCAPNG_LINK_USER0    147 /* for private use */
#define PCAPNG_RESOLUTION_NS 9   /* 10 ^ -9 s */

struct pcapng_message {
	const void *data;
	size_t size;
	uint32_t type;
	uint64_t ns;      /* since 1970 */
	uint64_t dropped; /* lost before it; written, not read */
};

/* These put blocks into the buffer. Return 0, or -1 and errno. */
int pcapng_put_start(struct output *out, const char *queue);
int pcapng_put_message(struct output *out, const struct pcapng_message *message);
int pcapng_put_statistics(struct output *out, uint64_t ns, uint64_t messages, uint64_t lost);

struct pcapng_interface;

struct pcapng_reader {
	FILE *file;
	unsigned char *body; /* of the last block */
	size_t room;         /* bytes at `body` */
	struct pcapng_interface *interfaces;
	size_t count;
	char *queue;    /* the name of the first interface, or NULL */
	bool opposite;  /* the section is of the other byte order */
	bool started;   /* there has been a section header */
	uint64_t block; /* the offset of the last block */
	const char *fault;
};

/* Starts with a `file` that has been opened. */
void pcapng_start(struct pcapng_reader *reader, FILE *file);
void pcapng_free(struct pcapng_reader *reader);

/* Reads up to the next message, which is valid until the next call. Returns 1; 0 at the end; -1: `fault` says why, or
 * it is NULL and errno does. */
int pcapng_next(struct pcapng_reader *reader, struct pcapng_message *message);

#endif
