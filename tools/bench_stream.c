/* SPDX-License-Identifier: MIT */
/* shmemq bench: streams, in which no message waits for an answer. */
#include "config.h"

#include <string.h>

#include "bench_sides.h"

#define MESSAGES_PER_CLOCK_READING 1024u

static int pop_start(struct shmemq *q, const void **data, size_t *size, uint32_t *type)
{
	while ((*data = shmemq_timedpop_start(q, size, type, BENCH_STUCK_NS)) == NULL) {
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

/*
 * One side writes every byte, the other side reads it, and every byte differs from the same byte of the next message:
 * a message that is lost, repeated or torn is noticed.
 */

static void fill(void *message, size_t size, uint64_t number)
{
	memcpy(message, &number, sizeof number);
	if (size > sizeof number)
		memset((char *)message + sizeof number, (int)(number & 0xff), size - sizeof number);
}

static bool intact(const uint64_t *words, size_t size, uint64_t number)
{
	uint64_t pattern = (number & 0xff) * UINT64_C(0x0101010101010101);
	uint64_t wrong[4] = { words[0] ^ number, 0, 0, 0 };
	size_t count = size / sizeof *words, i = 1;

	/* Four words at a time: one at a time would be slower than the queue. */
	for (; i + 4 <= count; i += 4) {
		wrong[0] |= words[i] ^ pattern;
		wrong[1] |= words[i + 1] ^ pattern;
		wrong[2] |= words[i + 2] ^ pattern;
		wrong[3] |= words[i + 3] ^ pattern;
	}
	for (; i < count; i++)
		wrong[0] |= words[i] ^ pattern;
	return (wrong[0] | wrong[1] | wrong[2] | wrong[3]) == 0;
}

static int send_copy(struct shmemq *q, size_t size, uint64_t number)
{
	fill(bench_buffer, size, number);
	return bench_push(q, bench_buffer, size, BENCH_MESSAGE);
}

static int send_in_place(struct shmemq *q, size_t size, uint64_t number)
{
	void *message;

	while ((message = shmemq_timedpush_start(q, size, BENCH_STUCK_NS)) == NULL) {
		if (errno != EINTR)
			return errno;
	}
	fill(message, size, number);
	return shmemq_push_end(q, size, BENCH_MESSAGE) == 0 ? 0 : errno;
}

int bench_send_stream(struct shmemq *q, const struct bench_order *order)
{
	uint32_t batch = order->size < BENCH_SIZE_MAX ? BENCH_SIZE_MAX / order->size : 1;
	int64_t end = bench_now() + order->ns;
	uint64_t number = 0;
	int err = 0;

	if (batch > MESSAGES_PER_CLOCK_READING)
		batch = MESSAGES_PER_CLOCK_READING;
	do {
		for (uint32_t i = 0; i < batch && err == 0; i++) {
			number++;
			err = order->kind == BENCH_COPY ? send_copy(q, order->size, number)
							: send_in_place(q, order->size, number);
		}
	} while (err == 0 && (number < 2 || bench_now() < end));
	return err != 0 ? err : bench_push(q, &number, sizeof number, BENCH_END);
}

/* Pops and checks message `number`, or the END after the last message: then `*done` is true. */
static int receive_copy(struct shmemq *q, size_t size, uint64_t number, bool *done)
{
	uint32_t type;
	size_t bytes = 0;
	int err = bench_pop(q, &bytes, &type);

	if (err != 0)
		return err;
	*done = type == BENCH_END;
	if (*done)
		return bytes == sizeof number && bench_buffer[0] == number - 1 ? 0 : EILSEQ;
	return bytes == size && type == BENCH_MESSAGE && intact(bench_buffer, size, number) ? 0 : EILSEQ;
}

static int receive_in_place(struct shmemq *q, size_t size, uint64_t number, bool *done)
{
	const void *message;
	uint32_t type;
	size_t bytes = 0;
	bool right;
	int err = pop_start(q, &message, &bytes, &type);

	if (err != 0)
		return err;
	*done = type == BENCH_END;
	if (*done)
		right = bytes == sizeof number && *(const uint64_t *)message == number - 1;
	else
		right = bytes == size && type == BENCH_MESSAGE && intact(message, size, number);
	if (shmemq_pop_end(q) != 0)
		return errno;
	return right ? 0 : EILSEQ;
}

/* The clock runs from the first message to the END. */
int bench_receive_stream(struct shmemq *q, const struct bench_case *c, double figures[BENCH_FIGURES])
{
	int64_t start = 0, took;
	uint64_t number = 0;
	bool done;
	int err;

	do {
		number++;
		err = c->kind == BENCH_COPY ? receive_copy(q, c->size, number, &done)
					    : receive_in_place(q, c->size, number, &done);
		if (err != 0)
			return err;
		if (number == 1)
			start = bench_now();
	} while (!done);
	took = bench_now() - start;
	figures[0] = (double)(number - 1) * 1e9 / (double)(took > 0 ? took : 1);
	return 0;
}
