/* SPDX-License-Identifier: MIT */
/*
 * Programs that take any bytes as input: from libFuzzer (./configure --enable-fuzzers CC=clang; make fuzz) or, without
 * it, from tests/fuzz/main.c, which runs each file of the corpus once.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The directory below tests/corpus with this program's inputs. */
extern const char fuzz_corpus[];

/* The rest of an input. It is taken from the front; after its end, zeros are taken. */
struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

static inline uint64_t fuzz_take(struct fuzz_input *input, size_t bytes)
{
	uint64_t value = 0;

	if (bytes > input->left)
		bytes = input->left;
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)input->data[i] << 8 * i;
	input->data += bytes;
	input->left -= bytes;
	return value;
}

/* Stops the program if `condition` holds, which must not be; libFuzzer then keeps the input. */
#define FUZZ_REFUSE(condition)            \
	do {                              \
		if (condition)            \
			__builtin_trap(); \
	} while (0)

#endif
