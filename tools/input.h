/* SPDX-License-Identifier: MIT */
/* Standard input in large blocks. */
#ifndef TOOLS_INPUT_H
#define TOOLS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define INPUT_BYTES ((size_t)256 << 10) /* of the buffer at first, and of most read(2)s */

struct input {
	unsigned char *data;
	size_t size;       /* bytes of `data` */
	size_t start, end; /* of what has been read and not used yet */
	bool at_end;       /* nothing follows it */
};

/* Reads from standard input, and waits for the first byte. Returns bytes, 0 at the end, or -1 and errno. */
ssize_t input_read(void *data, size_t bytes);

void input_start(struct input *in);
void input_free(struct input *in);

/* Reads more, after what is in the buffer; a full buffer grows. Returns 0, or -1 and errno. */
int input_more(struct input *in);

/* If the input can seek, sets its offset back over what was read and not used, for the next reader. */
void input_return(struct input *in);

#endif
