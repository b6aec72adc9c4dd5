/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a queue's file, as shmemq(5) gives them: offsets and values are written down by hand, so that a change
 * of lib/format.h does not change them too. A test that fails here says that the format has changed and needs a new
 * version.
 */
#ifndef TESTS_IMAGE_H
#define TESTS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmemq.h"

#define CAPACITY 65536u

/* A word of the header, or of the ring where the table says so. */
struct word {
	uint32_t offset;
	uint32_t value;
};

extern char path[300];
extern const char *name;
extern unsigned char *image, *expected; /* what the file has, and what it is to have */
extern size_t header_bytes, file_bytes;

/* A queue's header is one page. The format is also tested with other pages, wherever this machine can map them. */
#define PAGE_SIZES 3
extern long page_bytes;

/* Begins a test with the page size of this number. false: this machine has none such. */
bool setup_pages(int i);

/* The header is not a page, or there is more memory for messages. */
void set_bytes(size_t header, size_t messages);

void read_image(void);
void compare(void);

/* What is expected. */
void put(size_t offset, const void *bytes, size_t size);
void put_words(size_t start, const struct word *words, size_t count);
#define PUT_WORDS(start, words) put_words(start, words, sizeof(words) / sizeof(words)[0])

/* Of the queue that this handle has open: only getattr can tell its id. */
void put_identity(struct shmemq *q, uint32_t alignment, uint32_t flags);

/* When each end last moved something; what depends on that: what is noted as queued, and the room, before `head`. */
void put_noted(uint32_t most, bool popped, size_t room, uint32_t head);

void close_and_remove(struct shmemq *producer, struct shmemq *consumer);

#endif
