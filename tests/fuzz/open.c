/* SPDX-License-Identifier: MIT */
/*
 * Opens any file under a queue's name in each role, and uses the handle without waiting if the open succeeds. The file
 * is a valid queue with some words changed, which can make any file of it; an input of zeros makes a valid empty queue.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "open_file.h"

#define STEPS_MAX 256
#define BUFFER    65536

const char fuzz_corpus[] = "open";

enum step {
	OPEN_PRODUCER,
	OPEN_CONSUMER,
	OBSERVE,
	CLOSE,
	PUSH,
	PUSH_IN_PLACE,
	POP,
	POP_IN_PLACE,
	ASK,
	WRITE,
	UNLINK,
	FIRST_STEPS,
	/* Chosen by the values from FURTHER on, so that inputs from before there were any mean what they did. */
	OPEN_SHARED_PRODUCER = FIRST_STEPS,
	OPEN_SHARED_CONSUMER,
	OPEN_OTHER, /* a second handle of a SHARED end, or a broadcast queue's second consumer */
	FOLLOW,
	FOLLOW_POP,
	SEEK,
	PUSH_MANY,
	POP_MANY,
	WAIT,
	CHOOSE, /* which of a side's two handles moves messages */
	WRITE_WORDS,
	STEPS
};
#define FURTHER 192

enum { PRODUCER, CONSUMER, OBSERVER, OTHER_PRODUCER, OTHER_CONSUMER, FOLLOWER, HANDLES };

static char name[64], path[80];
static struct shmemq *handles[HANDLES];
static unsigned char buffer[BUFFER];
static int chosen_producer, chosen_consumer;

static void remove_file(void)
{
	unlink(path);
}

/* Stops if the errno of a failed call is not in `list`: the manual's list for this call. */
static void documented(const int *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (errno == list[i])
			return;
	}
	FUZZ_REFUSE(1);
}
#define DOCUMENTED(...) documented((const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static void open_handle(int which, unsigned flags)
{
	struct shmemq_attr attr;

	if (handles[which] != NULL)
		return;
	handles[which] = shmemq_open(name, flags, 0600, NULL);
	if (handles[which] == NULL)
		DOCUMENTED(EPROTO, EBADMSG, EBUSY, ENOENT, ENOMEM, flags & SHMEMQ_SHARED ? EINVAL : EPROTO);
	else
		FUZZ_REFUSE(shmemq_getattr(handles[which], &attr) != 0 || attr.message_max != file_message_max(&attr));
}

static void close_handle(int which)
{
	if (handles[which] != NULL)
		FUZZ_REFUSE(shmemq_close(handles[which]) != 0);
	handles[which] = NULL;
}

/* A SHARED end's two handles are in one thread, of which one would wait for the other: no start is without its end. */
static struct shmemq *producer(void)
{
	return handles[chosen_producer];
}

static struct shmemq *consumer(void)
{
	return handles[chosen_consumer];
}

static void push(size_t size, bool in_place)
{
	struct shmemq *q = producer();
	void *at;

	if (q == NULL)
		return;
	if (in_place) {
		at = shmemq_timedpush_start(q, size, 0);
		if (at == NULL) {
			DOCUMENTED(EAGAIN, EBADMSG, EMSGSIZE, EOWNERDEAD, EPIPE);
			return;
		}
		memset(at, 0x5a, size);
		FUZZ_REFUSE(shmemq_push_end(q, size / 2, 1) != 0);
	} else if (shmemq_timedpush(q, buffer, size, 1, 0) != 0) {
		DOCUMENTED(EAGAIN, EBADMSG, EMSGSIZE, EOWNERDEAD, EPIPE);
	}
}

static void pop(bool in_place)
{
	struct shmemq *q = consumer();
	const unsigned char *at;
	uint32_t type;
	size_t size;

	if (q == NULL)
		return;
	if (in_place) {
		at = shmemq_timedpop_start(q, &size, &type, 0);
		if (at == NULL) {
			DOCUMENTED(EAGAIN, EBADMSG, EOWNERDEAD, EPIPE);
			return;
		}
		if (size > 0)
			buffer[0] = at[0] ^ at[size / 2] ^ at[size - 1];
		FUZZ_REFUSE(shmemq_pop_end(q) != 0);
	} else if (shmemq_timedpop(q, buffer, sizeof buffer, &type, 0) < 0) {
		DOCUMENTED(EAGAIN, EBADMSG, EMSGSIZE, EOWNERDEAD, EPIPE);
	}
}

static void push_many(size_t size)
{
	struct shmemq_msg msgs[3] = { { buffer, size, 1, 0 }, { buffer, size / 2, 2, 0 }, { buffer, size, 3, 0 } };

	if (producer() != NULL && shmemq_pushm(producer(), msgs, 3, 0) < 0)
		DOCUMENTED(EAGAIN, EBADMSG, EMSGSIZE, EOWNERDEAD, EPIPE);
}

static void pop_many(unsigned released)
{
	struct shmemq_msg msgs[5];
	int count;

	if (consumer() == NULL)
		return;
	count = shmemq_popm_start(consumer(), msgs, 5, 0);
	if (count < 0)
		DOCUMENTED(EAGAIN, EBADMSG, EOWNERDEAD, EPIPE);
	for (int i = 0; i < count; i++) {
		const unsigned char *at = msgs[i].data;

		if (msgs[i].size > 0)
			buffer[0] = at[0] ^ at[msgs[i].size - 1];
	}
	if (count > 0 && shmemq_popm_end(consumer(), released % ((unsigned)count + 1)) != 0)
		DOCUMENTED(EBADMSG);
}

static void follow(unsigned times)
{
	struct shmemq *q = handles[FOLLOWER];
	uint32_t type;

	for (unsigned i = 0; q != NULL && i < times; i++) {
		if (shmemq_timedpop(q, buffer, sizeof buffer, &type, 0) < 0) {
			DOCUMENTED(EAGAIN, EBADMSG, EMSGSIZE, EOVERFLOW, EOWNERDEAD, EPIPE);
			break;
		}
	}
}

static void seek(int whence)
{
	uint64_t lost;

	if (handles[FOLLOWER] != NULL && shmemq_seek(handles[FOLLOWER], whence, &lost) != 0)
		DOCUMENTED(EBADMSG);
}

static void wait_for_others(void)
{
	if (consumer() != NULL && shmemq_wait_peer(consumer(), 0) != 0)
		DOCUMENTED(EAGAIN, EBADMSG);
	if (producer() != NULL && shmemq_wait_empty(producer(), 0) != 0)
		DOCUMENTED(EAGAIN, EBADMSG, EOWNERDEAD, EPIPE);
}

static void ask(void)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;

	for (int i = 0; i < HANDLES; i++) {
		if (handles[i] == NULL)
			continue;
		if (shmemq_getattr(handles[i], &attr) != 0 || shmemq_stat(handles[i], &st) != 0) {
			/* These read the file, not a mapping of what it was. */
			FUZZ_REFUSE(i != OBSERVER && i != FOLLOWER);
			DOCUMENTED(EBADMSG);
			continue;
		}
		FUZZ_REFUSE(st.queued_bytes > attr.capacity_max || st.queued_messages > attr.capacity_max / 8);
		FUZZ_REFUSE(st.reserved_bytes > attr.capacity_max || st.reserved_bytes_most > attr.capacity_max);
		FUZZ_REFUSE(st.producer > SHMEMQ_END_DEAD || st.consumer > SHMEMQ_END_DEAD);
	}
	if (consumer() != NULL)
		FUZZ_REFUSE((shmemq_redelivered(consumer()) & ~1) != 0);
}

static void take_further_step(enum step step, int fd, struct fuzz_input *input)
{
	switch (step) {
	case OPEN_SHARED_PRODUCER:
		open_handle(PRODUCER, SHMEMQ_PRODUCER | SHMEMQ_SHARED);
		break;
	case OPEN_SHARED_CONSUMER:
		open_handle(CONSUMER, SHMEMQ_CONSUMER | SHMEMQ_SHARED);
		break;
	case OPEN_OTHER:
		if (fuzz_take(input, 1) % 2)
			open_handle(OTHER_PRODUCER, SHMEMQ_PRODUCER | SHMEMQ_SHARED);
		else
			open_handle(OTHER_CONSUMER, SHMEMQ_CONSUMER | (fuzz_take(input, 1) % 2 ? SHMEMQ_SHARED : 0));
		break;
	case FOLLOW:
		open_handle(FOLLOWER, SHMEMQ_FOLLOWER);
		break;
	case FOLLOW_POP:
		follow((unsigned)fuzz_take(input, 1));
		break;
	case SEEK:
		seek((int)(fuzz_take(input, 1) % 3));
		break;
	case PUSH_MANY:
		push_many(fuzz_take(input, 2));
		break;
	case POP_MANY:
		pop_many((unsigned)fuzz_take(input, 1));
		break;
	case WAIT:
		wait_for_others();
		break;
	case CHOOSE:
		chosen_producer = fuzz_take(input, 1) % 2 ? OTHER_PRODUCER : PRODUCER;
		chosen_consumer = fuzz_take(input, 1) % 2 ? OTHER_CONSUMER : CONSUMER;
		break;
	default:
		file_write_further(fd, input);
		break;
	}
}

static void take_step(uint64_t value, int fd, struct fuzz_input *input)
{
	enum step step = (enum step)(value % FIRST_STEPS);

	if (value >= FURTHER) {
		take_further_step((enum step)(FIRST_STEPS + (value - FURTHER) % (STEPS - FIRST_STEPS)), fd, input);
		return;
	}
	switch (step) {
	case OPEN_PRODUCER:
		open_handle(PRODUCER, SHMEMQ_PRODUCER);
		break;
	case OPEN_CONSUMER:
		open_handle(CONSUMER, SHMEMQ_CONSUMER);
		break;
	case OBSERVE:
		open_handle(OBSERVER, SHMEMQ_OBSERVER);
		break;
	case CLOSE:
		close_handle((int)(fuzz_take(input, 1) % HANDLES));
		break;
	case PUSH:
	case PUSH_IN_PLACE:
		push(fuzz_take(input, 2), step == PUSH_IN_PLACE);
		break;
	case POP:
	case POP_IN_PLACE:
		pop(step == POP_IN_PLACE);
		break;
	case ASK:
		ask();
		break;
	case WRITE:
		file_write_word(fd, input);
		break;
	default:
		if (shmemq_unlink(name) != 0)
			DOCUMENTED(EPROTO, ENOENT);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	int fd;

	if (name[0] == '\0') {
		snprintf(name, sizeof name, "/shmemq-fuzz-%ld", (long)getpid());
		snprintf(path, sizeof path, "/dev/shm%s", name);
		atexit(remove_file);
	}
	fd = file_make(path, &input);
	chosen_producer = PRODUCER;
	chosen_consumer = CONSUMER;
	for (int i = 0; i < STEPS_MAX && input.left > 0; i++)
		take_step(fuzz_take(&input, 1), fd, &input);
	for (int i = 0; i < HANDLES; i++)
		close_handle(i);
	close(fd);
	unlink(path);
	return 0;
}
