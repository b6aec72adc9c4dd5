/* SPDX-License-Identifier: MIT */
/* shmemq push: standard input to messages. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "input.h"
#include "report.h"
#include "send.h"
#include "stream.h"

/* A message of this size or more is read straight into the ring: copying it costs more than another read(2). */
#define IN_PLACE_BYTES ((size_t)32 << 10)

/* Not with --shared: the other producers would have to wait for this process's input. */
static bool in_place(const struct stream *s, size_t size)
{
	return size >= IN_PLACE_BYTES && !given(s->options, OPTION_SHARED);
}

static int read_failed(const struct stream *s)
{
	return report(s->name, "standard input: %s", strerror(errno));
}

static int truncated(const struct stream *s, size_t have, size_t size)
{
	return report(s->name, "the input ends inside message %" PRIu64 ", after %zu of %zu bytes", s->messages + 1,
		      have, size);
}

/* Waits for space for a message of `size` bytes, and stores its address. Returns 0, or reports why there is none. */
static int make_space(struct stream *s, size_t size, unsigned char **message)
{
	int64_t left = s->options->timeout;

	while ((*message = shmemq_timedpush_start(s->queue, size, stream_slice(left))) == NULL) {
		if (!stream_again(s, &left))
			return send_failed(s);
	}
	return 0;
}

/* Reads until `message` has `size` bytes, counted in `*have`, or the input ends. Returns 0, or -1 and errno. */
static int fill(unsigned char *message, size_t size, size_t *have)
{
	ssize_t got = 1;

	while (*have < size && (got = input_read(message + *have, size - *have)) > 0)
		*have += (size_t)got;
	return got < 0 ? -1 : 0;
}

static int push_end(struct stream *s, size_t size)
{
	if (shmemq_push_end(s->queue, size, s->options->type) != 0)
		return send_failed(s);
	stream_count(s, size);
	return 0;
}

/* Pushes a message of known size whose beginning is in the buffer. The rest is read straight into the ring. */
static int push_rest(struct stream *s, struct input *in, const struct piece *piece)
{
	unsigned char *message;
	int status = make_space(s, piece->size, &message);
	size_t have;

	if (status != 0)
		return status;
	in->start += piece->used;
	have = in->end - in->start;
	memcpy(message, piece->data, have);
	in->start = in->end;
	if (fill(message, piece->size, &have) != 0)
		return read_failed(s);
	if (have < piece->size)
		return truncated(s, have, piece->size);
	return push_end(s, have);
}

/* Gets more input for a message of which frame_cut() has found only a part. */
static int push_part(struct stream *s, struct input *in, const struct piece *piece)
{
	size_t have = in->end - in->start;

	if (piece->size > s->message_max || (frame_delimits(&s->frame) && have > s->message_max))
		return send_too_long(s);
	if (in->at_end && piece->used != 0)
		return truncated(s, have - piece->used, piece->size);
	if (in->at_end)
		return report(s->name, "the input ends inside the 4-byte length of message %" PRIu64, s->messages + 1);
	if (in_place(s, piece->size))
		return push_rest(s, in, piece);
	return input_more(in) != 0 ? read_failed(s) : 0;
}

static int push_pieces(struct stream *s, struct input *in)
{
	int status = 0;

	while (status == 0 && !stream_enough(s)) {
		size_t have = in->end - in->start;
		struct piece piece;

		if (have == 0 && in->at_end)
			return 0;
		if (frame_cut(&s->frame, in->data + in->start, have, in->at_end, &piece) == CUT_PART) {
			status = push_part(s, in, &piece);
			progress_update(s->messages, s->bytes);
		} else {
			status = send_copy(s, piece.data, piece.size, s->options->type);
			in->start += piece.used;
		}
	}
	if (status == 0)
		input_return(in);
	return status;
}

/* Pushes large chunks, each read straight into the ring. */
static int push_chunks(struct stream *s)
{
	size_t size = s->frame.chunk;
	int status = 0;

	while (status == 0 && !stream_enough(s)) {
		unsigned char *message = shmemq_timedpush_start(s->queue, size, 0), first;
		size_t have = 0;

		if (message == NULL) {
			/* The ring is full. Wait for space only if there is more input: its end is success. */
			if (fill(&first, 1, &have) != 0)
				return read_failed(s);
			if (have == 0)
				return 0;
			status = make_space(s, size, &message);
			if (status != 0)
				return status;
			*message = first;
		}
		if (fill(message, size, &have) != 0)
			return read_failed(s);
		if (have == 0)
			return 0;
		status = push_end(s, have);
	}
	return status;
}

int run_push(const struct options *options, char **names, int count)
{
	struct input in;
	struct stream s;
	int status;

	(void)count;
	status = stream_open(&s, SHMEMQ_PRODUCER, names[0], options);
	if (status != 0)
		return status;
	if (s.frame.kind == FRAME_CHUNK && s.frame.chunk == 0)
		s.frame.chunk = FRAME_CHUNK_DEFAULT < s.message_max ? FRAME_CHUNK_DEFAULT : s.message_max;
	if (s.frame.kind == FRAME_CHUNK && s.frame.chunk > s.message_max) {
		status = report(s.name, "chunks of %zu bytes are too long: at most %zu bytes fit in this queue",
				s.frame.chunk, s.message_max);
	} else if (s.frame.kind == FRAME_CHUNK && in_place(&s, s.frame.chunk)) {
		status = push_chunks(&s);
	} else {
		input_start(&in);
		status = push_pieces(&s, &in);
		input_free(&in);
	}
	return stream_close(&s, status);
}
