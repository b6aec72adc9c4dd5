/* SPDX-License-Identifier: MIT */
/* The file that the fuzzer of shmemq_open() makes: a valid queue with some words changed. */
#ifndef TESTS_FUZZ_OPEN_FILE_H
#define TESTS_FUZZ_OPEN_FILE_H

#include "fuzz.h"
#include "shmemq.h"

/*
 * The input begins with the ring's size in pages and the messages' alignment, the error in the file's length, and the
 * number of words to change; then it has, for each of them, its offset and what to change in it. Returns the file's
 * descriptor.
 */
int file_make(const char *path, struct fuzz_input *input);

/*
 * Writes to the file, as another process would: in this process, the only mappings are the handles' own. Further: in
 * the words before the ring.
 */
void file_write_word(int fd, struct fuzz_input *input);
void file_write_further(int fd, struct fuzz_input *input);

/* What a queue with these attributes says, of the smallest page size or a larger one. */
uint64_t file_message_max(const struct shmemq_attr *attr);

#endif
