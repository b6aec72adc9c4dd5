/* SPDX-License-Identifier: MIT */
/*
 * Opens any file under a queue's name in each role, and uses the handle without waiting if the open succeeds. The file
 * is a valid queue with some words changed, which can make any file of it; an input of zeros makes a valid empty queue.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "format.h"
#include "shmemq.h"
#include "eventcount.h"

#define STEPS_MAX 256
#define WORDS_MAX 512
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
	STEPS
};
enum { PRODUCER, CONSUMER, OBSERVER, HANDLES };

static char name[64], path[80];
static struct shmemq *handles[HANDLES];
static unsigned char buffer[BUFFER];

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

/* The page size is the machine's, so that inputs, which change it by exclusive or, work with any page size. */
static struct smq_identity identity(uint32_t capacity, uint32_t alignment)
{
	return (struct smq_identity){
		.magic = { SMQ_MAGIC_0, SMQ_MAGIC_1 },
		.version = SMQ_VERSION,
		.header_bytes = (uint32_t)sysconf(_SC_PAGESIZE),
		.capacity = capacity,
		.capacity_max = capacity,
		.alignment = alignment,
		.mechanism = smq_mechanism,
	};
}

/*
 * True: inputs must not write there. libc trusts the memory of its semaphores, and garbage in it would end the process.
 */
static bool off_limits(off_t at)
{
#ifdef SMQ_USE_FUTEX
	(void)at;
	return false;
#else
	return at >= (off_t)offsetof(struct smq_header, producer_wait) &&
	       at < (off_t)offsetof(struct smq_header, consumer_room);
#endif
}

/*
 * The input begins with the ring's size in pages and the messages' alignment, the error in the file's length, and the
 * number of words to change; then it has, for each of them, its offset and what to change in it.
 */
static int make_file(struct fuzz_input *input)
{
	uint64_t ring = fuzz_take(input, 1);
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), capacity = page << ring % 5, alignment = 8u << ring / 5 % 10;
	uint32_t start = smq_start_units(alignment);
	int64_t length = (int64_t)page + capacity + (int16_t)fuzz_take(input, 2);
	struct smq_header header = {
		.identity = identity(capacity, alignment),
		.producer_progress.moved.position_units = start,
		.consumer_progress.moved = { .position_units = start, .lease_units = start },
		.consumer_room = { start },
	};
	uint64_t words = fuzz_take(input, 2) % WORDS_MAX;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || smq_eventcount_init(&header) != 0 ||
	    pwrite(fd, &header, sizeof header, 0) != (ssize_t)sizeof header)
		abort();
	for (; words > 0 && input->left > 0; words--) {
		/* In the header, where a change has the most effect, or anywhere. */
		off_t at = fuzz_take(input, 1) % 2 ? (off_t)(fuzz_take(input, 1) * 4 % sizeof header)
						   : (off_t)(fuzz_take(input, 3) * 4 % (page + capacity));
		uint32_t old = 0, word;

		if (pread(fd, &old, sizeof old, at) < 0)
			abort();
		word = old ^ (uint32_t)fuzz_take(input, 4);
		if (!off_limits(at) && pwrite(fd, &word, sizeof word, at) != (ssize_t)sizeof word)
			abort();
	}
	if (ftruncate(fd, length > 0 ? length : 0) != 0)
		abort();
	return fd;
}

static void open_handle(int which, unsigned flags)
{
	struct shmemq_attr attr;

	if (handles[which] != NULL)
		return;
	handles[which] = shmemq_open(name, flags, 0600, NULL);
	if (handles[which] == NULL)
		DOCUMENTED(EPROTO, EBADMSG, EBUSY, ENOENT, ENOMEM);
	else
		FUZZ_REFUSE(shmemq_getattr(handles[which], &attr) != 0 ||
			    attr.message_max != attr.capacity - attr.alignment - 8);
}

static void close_handle(int which)
{
	if (handles[which] != NULL)
		FUZZ_REFUSE(shmemq_close(handles[which]) != 0);
	handles[which] = NULL;
}

static void push(size_t size, bool in_place)
{
	struct shmemq *q = handles[PRODUCER];
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
	struct shmemq *q = handles[CONSUMER];
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

static void ask(void)
{
	struct shmemq_stat st;

	for (int i = 0; i < HANDLES; i++) {
		if (handles[i] == NULL)
			continue;
		if (shmemq_stat(handles[i], &st) != 0) {
			FUZZ_REFUSE(i != OBSERVER); /* which reads the file, not a mapping of what it was */
			DOCUMENTED(EBADMSG);
			continue;
		}
		FUZZ_REFUSE(st.queued_bytes > st.capacity || st.queued_messages > st.capacity / 8);
		FUZZ_REFUSE(st.producer > SHMEMQ_END_DEAD || st.consumer > SHMEMQ_END_DEAD);
	}
	if (handles[CONSUMER] != NULL)
		FUZZ_REFUSE((shmemq_redelivered(handles[CONSUMER]) & ~1) != 0);
}

/* Writes to the file, as another process would: in this process, the only mappings are the handles' own. */
static void write_word(int fd, struct fuzz_input *input)
{
	off_t at = (off_t)(fuzz_take(input, 2) * 4);
	uint32_t word = (uint32_t)fuzz_take(input, 4);

	if (!off_limits(at) && at < lseek(fd, 0, SEEK_END) - (off_t)sizeof word &&
	    pwrite(fd, &word, sizeof word, at) < 0)
		abort();
}

static void take_step(enum step step, int fd, struct fuzz_input *input)
{
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
		write_word(fd, input);
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
	fd = make_file(&input);
	for (int i = 0; i < STEPS_MAX && input.left > 0; i++)
		take_step((enum step)(fuzz_take(&input, 1) % STEPS), fd, &input);
	for (int i = 0; i < HANDLES; i++)
		close_handle(i);
	close(fd);
	unlink(path);
	return 0;
}
