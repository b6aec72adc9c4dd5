/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "words.h"

#include <string.h>
#include <unistd.h>

#include "cancel.h"

bool smq_words_read(const struct shmemq *q, uint64_t offset, void *to, size_t bytes)
{
	int cancel = smq_cancel_disable();
	ssize_t copied = pread(q->fd, to, bytes, (off_t)offset);

	smq_cancel_restore(cancel);
	/* The acquire of smq_words_copy(), for the kernel's loads. */
	atomic_thread_fence(memory_order_acquire);
	return copied == (ssize_t)bytes;
}

bool smq_words_copy(const struct shmemq *q, size_t offset, void *to, size_t bytes)
{
	const smq_word *mapped;

	if (q->observer)
		return smq_words_read(q, offset, to, bytes);
	mapped = (const smq_word *)(const void *)((const unsigned char *)q->header + offset);
	for (size_t at = 0; at < bytes; at += sizeof *mapped) {
		uint32_t word = atomic_load_explicit(mapped++, memory_order_acquire);

		memcpy((unsigned char *)to + at, &word, sizeof word);
	}
	return true;
}
