/* SPDX-License-Identifier: MIT */
/* Builds messages in the queue's memory and reads them there. */
#include <shmemq.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct sample {
	uint64_t number;
	double celsius;
	char place[64]; /* only the filled part is sent */
};

#define HEAD_BYTES offsetof(struct sample, place)
#define TYPE_SAMPLE 1u /* the tag: tells kinds of messages apart */

static int produce(struct shmemq *q, uint64_t number)
{
	static const double readings[] = { 21.5, -300, 19.25 };
	struct sample *sample = shmemq_push_start(q, sizeof *sample);
	int chars;

	if (sample == NULL)
		return -1;
	sample->number = number;
	sample->celsius = readings[number % 3];
	if (sample->celsius < -273.15)
		return shmemq_push_cancel(q); /* a broken sensor */
	chars = snprintf(sample->place, sizeof sample->place, "room %u",
			 (unsigned)number + 1);
	return shmemq_push_end(q, HEAD_BYTES + (size_t)chars, TYPE_SAMPLE);
}

static int consume(struct shmemq *q)
{
	const struct sample *sample;
	uint32_t type;
	size_t size;

	sample = shmemq_pop_start(q, &size, &type);
	if (sample == NULL)
		return -1;
	if (type == TYPE_SAMPLE && size >= HEAD_BYTES)
		printf("%u: %.2f in %.*s\n",
		       (unsigned)sample->number, sample->celsius,
		       (int)(size - HEAD_BYTES), sample->place);
	return shmemq_pop_end(q); /* the memory is the producer's again */
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/inplace";
	unsigned flags = SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL;
	struct shmemq *producer, *consumer;
	struct shmemq_stat st;

	producer = shmemq_open(name, flags, 0600, NULL);
	if (producer == NULL) {
		perror(name);
		return 1;
	}
	consumer = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	if (shmemq_unlink(name) != 0 || consumer == NULL) {
		perror(name);
		return 1;
	}
	for (uint64_t number = 0; number < 3; number++) {
		if (produce(producer, number) != 0) {
			perror("push");
			return 1;
		}
	}
	while (shmemq_stat(consumer, &st) == 0 && st.queued_messages) {
		if (consume(consumer) != 0) {
			perror("pop");
			return 1;
		}
	}
	shmemq_close(producer);
	shmemq_close(consumer);
	return 0;
}
