/* SPDX-License-Identifier: MIT */
/* Standard output, or a file, in large blocks. */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "frame.h"

#define OUTPUT_BYTES ((size_t)64 << 10)

struct output {
	int fd;              /* STDOUT_FILENO, unless it is changed after the start */
	unsigned char *data; /* OUTPUT_BYTES */
	char *hex;           /* a message in hexadecimal digits */
	size_t hex_bytes;
	size_t used;
	uint64_t messages; /* put since the last flush */
};

void output_start(struct output *out);
void output_free(struct output *out);

/* Puts a message, given in parts, into the buffer. If it does not fit, writes the buffer and the message at once.
 * Returns 0, or -1 and errno. */
int output_put(struct output *out, const struct iovec *parts, int count);

/* The same for a message of `size` bytes, with what its frame adds. `type`: NULL if the tag is not to be shown. */
int output_message(struct output *out, const struct frame *frame, const void *message, size_t size,
		   const uint32_t *type);

/* Writes what is buffered. Returns 0, or -1 and errno. */
int output_flush(struct output *out);

#endif
