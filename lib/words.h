/* SPDX-License-Identifier: MIT */
/* Copies of words that others write, for shmemq_stat(). */
#ifndef SMQ_WORDS_H
#define SMQ_WORDS_H

#include "handle.h"

/*
 * Copies words of the header, after smq_fd(). An end has the header mapped. An observer maps nothing, since the next
 * access to a mapped file that another process has truncated is SIGBUS, and reads by pread(2). false: the words are not
 * there any more.
 *
 * Each word is read whole, since the kernel copies aligned words by loads of at least their size. What an earlier call
 * has copied is read before what a later one copies, and after what another process stored before a release whose word
 * the earlier one has seen. Within one call the order is not known: the kernel may copy in any.
 */
bool smq_words_copy(const struct shmemq *q, size_t offset, void *to, size_t bytes);

/* The same of the file, by pread(2): for what an end does not touch in its mapping, since it may have no memory. */
bool smq_words_read(const struct shmemq *q, uint64_t offset, void *to, size_t bytes);

#endif
