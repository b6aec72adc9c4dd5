/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

ssize_t input_read(void *data, size_t bytes)
{
	struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;

	while ((got = read(STDIN_FILENO, data, bytes)) < 0) {
		if (errno == EAGAIN)
			poll(&ready, 1, -1); /* another process that shares this input has made it non-blocking */
		else if (errno != EINTR)
			return -1;
	}
	return got;
}

void input_start(struct input *in)
{
	*in = (struct input){ .data = allocate(INPUT_BYTES), .size = INPUT_BYTES };
}

void input_free(struct input *in)
{
	free(in->data);
}

int input_more(struct input *in)
{
	ssize_t got;

	/* Move what is left to the front, if that is little or the buffer is full. */
	if (in->start > in->size / 2 || in->end == in->size) {
		memmove(in->data, in->data + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	if (in->end == in->size) {
		unsigned char *data = realloc(in->data, 2 * in->size);

		if (data == NULL)
			return -1;
		in->data = data;
		in->size *= 2;
	}
	got = input_read(in->data + in->end, in->size - in->end);
	if (got < 0)
		return -1;
	in->end += (size_t)got;
	in->at_end = got == 0;
	return 0;
}

void input_return(struct input *in)
{
	/* Pipes and terminals cannot seek: what was read from them is lost, as with head(1). */
	if (lseek(STDIN_FILENO, -(off_t)(in->end - in->start), SEEK_CUR) >= 0)
		in->end = in->start;
}
