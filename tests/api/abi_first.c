/* SPDX-License-Identifier: MIT */
/*
 * A program of the first release, 0.1.0, on today's library: what it saw in shmemq.h stands here, as it was, and is
 * never changed. It calls every function of that release, and a struct of its size is all that the library fills.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define PRODUCER       0x0001u
#define CONSUMER       0x0002u
#define OBSERVER       0x0004u
#define CREATE         0x0010u
#define EXCL           0x0020u
#define NONBLOCK       0x0040u
#define STAY           0x0080u
#define SHARED         0x0100u
#define ATTR_TEMPORARY 0x0001u
#define END_NEVER      0u
#define END_OPEN       1u
#define END_CLOSED     2u

struct shmemq;

struct shmemq_attr {
	uint64_t capacity;
	uint64_t capacity_max;
	uint64_t message_max;
	uint32_t messages_max;
	uint32_t alignment;
	uint32_t flags;
	uint32_t reserved[9];
	uint64_t id;
	unsigned char user[64];
};

struct shmemq_stat {
	uint64_t capacity;
	uint64_t queued_bytes;
	uint64_t queued_messages;
	uint64_t pushed_bytes;
	uint64_t pushed_messages;
	uint64_t popped_bytes;
	uint64_t popped_messages;
	uint64_t reserved_bytes;
	uint64_t reserved_bytes_most;
	uint64_t slowest_bytes;
	uint64_t slowest_messages;
	uint64_t lag_bytes;
	uint64_t lag_messages;
	uint64_t queued_bytes_most;
	uint64_t producer_mark;
	uint64_t consumer_mark;
	uint64_t pushed_at;
	uint64_t popped_at;
	uint32_t producer;
	uint32_t consumer;
	uint32_t producer_pid;
	uint32_t consumer_pid;
	uint32_t waiting;
	uint32_t producers;
	uint32_t consumers;
	uint32_t slowest_pid;
	uint32_t producer_holder_pid;
	uint32_t consumer_holder_pid;
	uint32_t producer_blocked;
	uint32_t producer_slept;
	uint32_t consumer_blocked;
	uint32_t consumer_slept;
	uint32_t reserved[14];
};

struct shmemq_msg {
	void *data;
	size_t size;
	uint32_t type;
	uint32_t flags;
};

struct shmemq *shmemq_open(const char *name, unsigned flags, mode_t mode, const struct shmemq_attr *attr);
int shmemq_memfd(const struct shmemq_attr *attr);
struct shmemq *shmemq_fdopen(int fd, unsigned flags);
int shmemq_close(struct shmemq *q);
int shmemq_unlink(const char *name);
int shmemq_push(struct shmemq *q, const void *data, size_t size, uint32_t type);
int shmemq_timedpush(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout);
int shmemq_pushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type);
int shmemq_timedpushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type, int64_t timeout);
void *shmemq_push_start(struct shmemq *q, size_t size);
void *shmemq_timedpush_start(struct shmemq *q, size_t size, int64_t timeout);
int shmemq_push_end(struct shmemq *q, size_t size, uint32_t type);
int shmemq_push_cancel(struct shmemq *q);
ssize_t shmemq_pop(struct shmemq *q, void *buf, size_t size, uint32_t *type);
ssize_t shmemq_timedpop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout);
const void *shmemq_pop_start(struct shmemq *q, size_t *size, uint32_t *type);
const void *shmemq_timedpop_start(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout);
int shmemq_pop_end(struct shmemq *q);
int shmemq_redelivered(struct shmemq *q);
int shmemq_pushm(struct shmemq *q, const struct shmemq_msg *msgs, unsigned count, int64_t timeout);
int shmemq_popm_start(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout);
int shmemq_popm_end(struct shmemq *q, unsigned count);
int shmemq_pollfd(struct shmemq *q);
int shmemq_interrupt(struct shmemq *q);
int shmemq_getattr(struct shmemq *q, struct shmemq_attr *attr);
int shmemq_stat(struct shmemq *q, struct shmemq_stat *st);
const char *shmemq_version(void);

static int failures;

#define CHECK(condition)                                                                                  \
	do {                                                                                              \
		if (!(condition)) {                                                                       \
			printf("abi_first.c:%d: not so: %s; errno is %d\n", __LINE__, #condition, errno); \
			failures++;                                                                       \
		}                                                                                         \
	} while (0)

/* Nothing is written behind a struct of the first release. */
static void structs(struct shmemq *q, uint64_t messages)
{
	struct {
		struct shmemq_attr attr;
		unsigned char behind[64];
	} a;
	struct {
		struct shmemq_stat stat;
		unsigned char behind[64];
	} s;

	memset(&a, 0xa5, sizeof a);
	memset(&s, 0xa5, sizeof s);
	CHECK(shmemq_getattr(q, &a.attr) == 0);
	CHECK(a.attr.capacity == 65536 && a.attr.capacity_max == 65536 && a.attr.message_max == 65536 - 64 - 8);
	CHECK(a.attr.alignment == 64 && a.attr.messages_max == 0 && a.attr.id != 0 && a.attr.user[63] == 'u');
	CHECK(shmemq_stat(q, &s.stat) == 0);
	CHECK(s.stat.capacity == 65536 && s.stat.queued_messages == messages);
	CHECK(s.stat.pushed_messages - s.stat.popped_messages == messages);
	CHECK(s.stat.producer == END_OPEN && s.stat.producer_pid == (uint32_t)getpid());
	CHECK(s.stat.consumer == END_OPEN && s.stat.consumer_pid == (uint32_t)getpid() && s.stat.waiting == 0);
	for (unsigned i = 0; i < sizeof a.behind; i++)
		CHECK(a.behind[i] == 0xa5 && s.behind[i] == 0xa5);
}

static void pop_is(struct shmemq *q, const char *text, uint32_t type)
{
	char buf[64];
	uint32_t got = ~type;
	ssize_t size = shmemq_pop(q, buf, sizeof buf, &got);

	CHECK(size == (ssize_t)strlen(text) && memcmp(buf, text, strlen(text)) == 0 && got == type);
}

static void copying(struct shmemq *producer, struct shmemq *consumer)
{
	struct iovec iov[] = { { (void *)(uintptr_t) "for", 3 }, { (void *)(uintptr_t) "ty", 2 } };
	char buf[64];

	CHECK(shmemq_push(producer, "ten", 3, 10) == 0);
	CHECK(shmemq_timedpush(producer, "twenty", 6, 20, 1000000000) == 0);
	CHECK(shmemq_pushv(producer, iov, 2, 40) == 0);
	CHECK(shmemq_timedpushv(producer, iov, 1, 41, 0) == 0);
	structs(consumer, 4);
	pop_is(consumer, "ten", 10);
	CHECK(shmemq_redelivered(consumer) == 0);
	pop_is(consumer, "twenty", 20);
	pop_is(consumer, "forty", 40);
	pop_is(consumer, "for", 41);
	errno = 0;
	CHECK(shmemq_pop(consumer, buf, sizeof buf, NULL) == -1 && errno == EAGAIN);
	CHECK(shmemq_timedpop(consumer, buf, sizeof buf, NULL, 1000000) == -1 && errno == ETIMEDOUT);
	CHECK(shmemq_interrupt(consumer) == 0);
	CHECK(shmemq_timedpop(consumer, buf, sizeof buf, NULL, -1) == -1 && errno == ECANCELED);
}

static void in_place(struct shmemq *producer, struct shmemq *consumer)
{
	const char *view;
	size_t size = 0;
	uint32_t type = 0;
	char *room;

	CHECK((room = shmemq_push_start(producer, 100)) != NULL);
	CHECK(shmemq_push_cancel(producer) == 0);
	CHECK((room = shmemq_timedpush_start(producer, 100, 0)) != NULL);
	if (room)
		memcpy(room, "placed", 6);
	CHECK(shmemq_push_end(producer, 6, 7) == 0);
	CHECK((view = shmemq_pop_start(consumer, &size, &type)) != NULL);
	CHECK(view && size == 6 && memcmp(view, "placed", 6) == 0 && type == 7);
	CHECK(shmemq_pop_end(consumer) == 0);
	CHECK(shmemq_timedpop_start(consumer, &size, &type, 0) == NULL && errno == EAGAIN);
}

static void batches(struct shmemq *producer, struct shmemq *consumer)
{
	struct shmemq_msg out[] = { { (void *)(uintptr_t) "a", 1, 1, 0 }, { (void *)(uintptr_t) "bc", 2, 2, 0 } };
	struct shmemq_msg in[3];

	memset(in, 0xa5, sizeof in);
	CHECK(shmemq_pushm(producer, out, 2, -1) == 2);
	CHECK(shmemq_popm_start(consumer, in, 2, -1) == 2);
	CHECK(in[0].size == 1 && *(char *)in[0].data == 'a' && in[0].type == 1 && in[0].flags == 0);
	CHECK(in[1].size == 2 && memcmp(in[1].data, "bc", 2) == 0 && in[1].type == 2 && in[1].flags == 0);
	CHECK(in[2].type == 0xa5a5a5a5 && in[2].flags == 0xa5a5a5a5);
	CHECK(shmemq_popm_end(consumer, 2) == 0);
}

static void shared(const char *name)
{
	struct shmemq *one = shmemq_open(name, PRODUCER | SHARED | CREATE | EXCL, 0600, NULL);
	struct shmemq *two = shmemq_open(name, PRODUCER | SHARED, 0, NULL);
	struct shmemq *consumer = shmemq_open(name, CONSUMER | SHARED, 0, NULL);

	CHECK(one != NULL && two != NULL && consumer != NULL);
	CHECK(shmemq_push_start(one, 10) != NULL);
	CHECK(shmemq_timedpush(two, "late", 4, 1, 0) == -1 && errno == EAGAIN);
	CHECK(shmemq_push_end(one, 0, 2) == 0 && shmemq_push(two, "late", 4, 1) == 0);
	pop_is(consumer, "", 2);
	pop_is(consumer, "late", 1);
	CHECK(shmemq_close(one) == 0 && shmemq_close(two) == 0 && shmemq_close(consumer) == 0);
	CHECK(shmemq_unlink(name) == 0);
}

int main(void)
{
	const struct shmemq_attr attr = {
		.capacity = 65536, .alignment = 64, .flags = ATTR_TEMPORARY, .user = { [63] = 'u' }
	};
	const struct shmemq_attr unnamed = { .capacity = 65536, .alignment = 64, .user = { [63] = 'u' } };
	struct shmemq *producer, *consumer, *observer;
	struct shmemq_stat st;
	char name[64];
	int fd;

	alarm(60);
	snprintf(name, sizeof name, "/shmemq-test-abi_first-%ld", (long)getpid());
	producer = shmemq_open(name, PRODUCER | CREATE | EXCL, 0600, &attr);
	CHECK(producer != NULL);
	observer = shmemq_open(name, OBSERVER, 0, NULL);
	CHECK(observer != NULL && shmemq_stat(observer, &st) == 0 && st.consumer == END_NEVER);
	consumer = shmemq_open(name, CONSUMER | NONBLOCK | STAY, 0, NULL);
	CHECK(consumer != NULL);
	CHECK(shmemq_open(name, CONSUMER, 0, NULL) == NULL && errno == EBUSY);
	copying(producer, consumer);
	in_place(producer, consumer);
	batches(producer, consumer);
	CHECK(shmemq_close(producer) == 0);
	CHECK(shmemq_stat(observer, &st) == 0 && st.producer == END_CLOSED);
	CHECK(shmemq_close(observer) == 0);
	CHECK(shmemq_close(consumer) == 0);
	/* TEMPORARY: it went with the last handle. */
	CHECK(shmemq_unlink(name) == -1 && errno == ENOENT);
	shared(name);

	CHECK((fd = shmemq_memfd(&unnamed)) >= 0);
	if (access("/proc/self/fd", F_OK) != 0) /* shmemq_fdopen() needs it */
		return failures != 0;
	CHECK((producer = shmemq_fdopen(fd, PRODUCER)) != NULL);
	CHECK((consumer = shmemq_fdopen(fd, CONSUMER | NONBLOCK)) != NULL);
	close(fd);
	CHECK(shmemq_pollfd(consumer) >= 0 || errno == EMFILE); /* no inotify instance is left */
	copying(producer, consumer);
	CHECK(shmemq_close(producer) == 0);
	CHECK(shmemq_pop(consumer, name, sizeof name, NULL) == -1 && errno == EPIPE);
	CHECK(shmemq_close(consumer) == 0);
	CHECK(strchr(shmemq_version(), '.') != NULL);
	return failures != 0;
}
