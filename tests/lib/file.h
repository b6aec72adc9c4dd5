/* SPDX-License-Identifier: MIT */
/* A queue's file as any process that may open it can see and change it, without the library. */
#ifndef TESTS_FILE_H
#define TESTS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format.h"

/* Bytes of a page, which is also the smallest ring. */
uint64_t file_page(void);

/* "/dev/shm" and the name. Valid until the next call. */
const char *file_path(const char *name);

bool file_exists(const char *name);

/* Maps the header and the ring. */
struct smq_header *file_map(const char *name);
void file_unmap(struct smq_header *file);

/* The record at a position. */
struct smq_record *file_record(struct smq_header *file, uint32_t position);

/*
 * Runs `statement` and fails the test if it changed what a handle leaves for others: identity, positions, totals,
 * claims, records. Wait words may change: they belong to the process that waits.
 */
#define FILE_UNCHANGED(file, statement)                                                              \
	do {                                                                                         \
		void *file_before = file_copy(file);                                                 \
		statement;                                                                           \
		ck_assert_msg(file_same(file, file_before), "the queue changed in: %s", #statement); \
	} while (0)

void *file_copy(const struct smq_header *file);
bool file_same(const struct smq_header *file, void *copy); /* frees the copy */

/* Makes a file, not a queue, with this content. */
void file_write(const char *name, const void *content, size_t bytes);

/*
 * Takes a write lock on `bytes` bytes (0: to the end) from `start` on of the file with this name. Returns the lock's
 * descriptor.
 */
int file_lock(const char *name, off_t start, off_t bytes);

/* How many mappings of the file this process has with these permissions, such as "rw-s"; NULL: with any. From /proc. */
unsigned file_mappings(const char *name, const char *permissions);

/* How many descriptors this process has open. */
unsigned file_descriptors(void);

#endif
