/* SPDX-License-Identifier: MIT */
/* A queue's file as everybody who may open it can see and change it, behind the library's back. */
#ifndef TESTS_FILE_H
#define TESTS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format.h"

/* Bytes of a page, and with it of the smallest ring. */
uint64_t file_page(void);

/* "/dev/shm" and the name; valid until the next call. */
const char *file_path(const char *name);

bool file_exists(const char *name);

/* Maps header and ring. */
struct smq_header *file_map(const char *name);
void file_unmap(struct smq_header *file);

/* The record at a position. */
struct smq_record *file_record(struct smq_header *file, uint32_t position);

/*
 * Runs `statement` and fails the test if it changed what a handle leaves for others: identity, positions, totals,
 * claims, records. Wait words are out of it: they belong to whoever waits.
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

/* Takes a write lock on `bytes` bytes from `start` (0: to the end) of what bears the name. The lock's descriptor. */
int file_lock(const char *name, off_t start, off_t bytes);

/* Open descriptors of this process. */
unsigned file_descriptors(void);

#endif
