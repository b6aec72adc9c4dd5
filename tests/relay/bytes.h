/* SPDX-License-Identifier: MIT */
/* Bytes of a connection that are not complete protocol messages yet, or are held back. */
#ifndef TESTS_BYTES_H
#define TESTS_BYTES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bytes {
	char *data;
	size_t used, room;
};

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline void append(struct bytes *b, const char *data, size_t size)
{
	if (b->used + size + 1 > b->room) {
		b->room = (b->used + size + 1) * 2;
		b->data = realloc(b->data, b->room);
		if (b->data == NULL)
			die("memory");
	}
	memcpy(b->data + b->used, data, size);
	b->used += size;
	b->data[b->used] = '\0';
}

static inline void drop(struct bytes *b, size_t size)
{
	memmove(b->data, b->data + size, b->used - size);
	b->used -= size;
}

static inline void send_all(int fd, const char *data, size_t size)
{
	while (fd >= 0 && size > 0) {
		ssize_t n = write(fd, data, size);

		if (n <= 0)
			return;
		data += n;
		size -= (size_t)n;
	}
}

/* Bytes of the first complete protocol message in `b`, or 0; `*publishes`: a client publishes a frame. */
static inline size_t message(const struct bytes *b, bool *publishes)
{
	const char *end = b->used == 0 ? NULL : memchr(b->data, '\n', b->used), *last;
	size_t line, payload = 0;

	*publishes = false;
	if (end == NULL)
		return 0;
	line = (size_t)(end - b->data) + 1;
	if (strncmp(b->data, "HPUB ", 5) == 0 || strncmp(b->data, "PUB ", 4) == 0 ||
	    strncmp(b->data, "HMSG ", 5) == 0 || strncmp(b->data, "MSG ", 4) == 0) {
		last = end;
		while (last > b->data && last[-1] != ' ')
			last--;
		payload = strtoull(last, NULL, 10) + 2;
		*publishes = strncmp(b->data, "HPUB shmemq.", 12) == 0;
	}
	return b->used >= line + payload ? line + payload : 0;
}

#endif
