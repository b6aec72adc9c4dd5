/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

#define PARTS_MAX 3

void output_start(struct output *out)
{
	*out = (struct output){ .fd = STDOUT_FILENO, .data = allocate(OUTPUT_BYTES) };
}

void output_free(struct output *out)
{
	free(out->data);
	free(out->hex);
}

static int write_all(int fd, struct iovec *parts, int count)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	while (count > 0) {
		ssize_t put = writev(fd, parts, count);

		if (put < 0 && errno == EAGAIN)
			poll(&ready, 1, -1); /* another process that shares this output has made it non-blocking */
		else if (put < 0 && errno != EINTR)
			return -1;
		for (; count > 0 && put >= (ssize_t)parts->iov_len; parts++, count--)
			put -= (ssize_t)parts->iov_len;
		if (count > 0 && put > 0) {
			parts->iov_base = (char *)parts->iov_base + put;
			parts->iov_len -= (size_t)put;
		}
	}
	return 0;
}

int output_put(struct output *out, const struct iovec *parts, int count)
{
	struct iovec all[1 + PARTS_MAX] = { { .iov_base = out->data, .iov_len = out->used } };
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += parts[i].iov_len;
	if (bytes > OUTPUT_BYTES - out->used) {
		memcpy(all + 1, parts, (size_t)count * sizeof *parts);
		if (write_all(out->fd, all, 1 + count) != 0)
			return -1;
		out->used = 0;
		out->messages = 0;
		return 0;
	}
	for (int i = 0; i < count; i++) {
		if (parts[i].iov_len == 0)
			continue; /* there may be no memory: of an empty message */
		memcpy(out->data + out->used, parts[i].iov_base, parts[i].iov_len);
		out->used += parts[i].iov_len;
	}
	out->messages++;
	return 0;
}

/* Fills out->hex. */
static void make_hex(struct output *out, const unsigned char *message, size_t size)
{
	if (out->hex_bytes < 2 * size) {
		free(out->hex);
		out->hex_bytes = 2 * size;
		out->hex = allocate(out->hex_bytes);
	}
	for (size_t i = 0; i < size; i++) {
		out->hex[2 * i] = "0123456789abcdef"[message[i] >> 4];
		out->hex[2 * i + 1] = "0123456789abcdef"[message[i] & 15];
	}
}

int output_message(struct output *out, const struct frame *frame, const void *message, size_t size,
		   const uint32_t *type)
{
	char head[FRAME_HEAD_MAX], end = frame_delimiter(frame);
	struct iovec parts[PARTS_MAX] = {
		{ .iov_base = head, .iov_len = frame_head(frame, size, type, head) },
		{ .iov_base = (void *)(uintptr_t)message, .iov_len = size },
		{ .iov_base = &end, .iov_len = frame_ends(frame) },
	};

	if (frame->kind == FRAME_HEX) {
		make_hex(out, message, size);
		parts[1] = (struct iovec){ .iov_base = out->hex, .iov_len = 2 * size };
	}
	return output_put(out, parts, PARTS_MAX);
}

int output_flush(struct output *out)
{
	struct iovec all = { .iov_base = out->data, .iov_len = out->used };

	if (out->used != 0 && write_all(out->fd, &all, 1) != 0)
		return -1;
	out->used = 0;
	out->messages = 0;
	return 0;
}
