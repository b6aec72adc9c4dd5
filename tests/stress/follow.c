/* SPDX-License-Identifier: MIT */
/*
 * Followers of a queue whose producer runs at full speed, and whose sides are killed. The n-th message has n as its
 * type, and size and bytes that n decides. So a follower can tell a torn message; and each message must be seen, or
 * counted as lost. Half of the queues may grow. $TEST_SECONDS, $TEST_SEED.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "stress.h"
#include "traffic.h"

#define FOLLOWERS_MAX 4
#define ROUND_NS      (700 * STRESS_MS)
#define HANG_NS       (20 * STRESS_S)

struct shared {
	_Atomic bool finish; /* the producer is to close */
	_Atomic uint32_t pushed;
	_Atomic uint32_t seen[FOLLOWERS_MAX], overtaken[FOLLOWERS_MAX];
	_Atomic uint32_t lost[FOLLOWERS_MAX];     /* since the last one seen */
	_Atomic uint32_t lost_all[FOLLOWERS_MAX]; /* until the last one seen */
};

static struct stress stress;
static struct shared *shared;
static uint64_t seed, capacity, message_max; /* of the present queue */
static char *buffer;

static uint64_t dice(uint64_t sides)
{
	return traffic_random(&stress.random) % sides;
}

static uint64_t content_of(uint32_t number)
{
	uint64_t state = seed ^ number;

	return traffic_random(&state);
}

/* Most are small, some as large as the ring. */
static size_t size_of(uint32_t number)
{
	uint64_t state = content_of(number);
	uint64_t kind = traffic_random(&state) % 256;
	uint64_t most = kind < 200 ? 64 : kind < 255 ? message_max / 8 : message_max;

	return traffic_random(&state) % (most + 1);
}

/* The number after `count` more; or -1, as the call that pushed them. */
static int64_t after(uint32_t number, int count)
{
	return count < 0 ? -1 : (int64_t)number + count;
}

/* Pushes by a call that chance chooses. The next number, or -1: errno. */
static int64_t push_some(struct shmemq *q, uint32_t number)
{
	size_t size = size_of(number), more;
	struct shmemq_msg msgs[8];
	char *message = buffer;
	int count;

	switch (dice(8)) {
	case 0: /* starts a larger one, or cancels */
		more = size + dice(message_max - size + 1) / (1 + dice(100));
		message = shmemq_timedpush_start(q, more, STRESS_MS);
		if (message == NULL)
			return -1;
		traffic_fill(message, more, dice(100)); /* also what will not be in it */
		if (dice(4) == 0)
			return after(number, shmemq_push_cancel(q));
		traffic_fill(message, size, content_of(number));
		return shmemq_push_end(q, size, number) == 0 ? after(number, 1) : -1;
	case 1:
		for (uint32_t i = 0; i < 8; i++) {
			uint32_t size_i = (uint32_t)size_of(number + i) % 256;

			/* Whatever the size is, the number decides it: others are not pushed this way. */
			if (size_of(number + i) != size_i) {
				count = i == 0 ? 0 : shmemq_pushm(q, msgs, i, STRESS_MS);
				return after(number, count);
			}
			traffic_fill(message, size_i, content_of(number + i));
			msgs[i] = (struct shmemq_msg){ .data = message, .size = size_i, .type = number + i };
			message += size_i;
		}
		count = shmemq_pushm(q, msgs, 8, STRESS_MS);
		return after(number, count);
	default:
		traffic_fill(buffer, size, content_of(number));
		return shmemq_timedpush(q, buffer, size, number, STRESS_MS) == 0 ? after(number, 1) : -1;
	}
}

static _Noreturn void produce(void)
{
	struct shmemq *q = stress_open(stress.name, SHMEMQ_PRODUCER | SHMEMQ_STAY, capacity, 0);
	bool pauses = dice(3) == 0;
	struct shmemq_stat st;
	uint32_t number;

	/* A new producer goes on with the number of messages that there are. */
	if (shmemq_stat(q, &st) != 0)
		stress_fail("stat");
	number = (uint32_t)st.pushed_messages;
	while (!shared->finish) {
		int64_t next = push_some(q, number);

		if (next < 0 && errno != ETIMEDOUT && errno != EAGAIN)
			stress_fail("push of %" PRIu32, number);
		if (next >= 0)
			number = (uint32_t)next;
		if (pauses && dice(1000) == 0)
			stress_sleep(stress_magnitude(&stress.random, 1000, 20 * STRESS_MS));
	}
	shared->pushed = number;
	if (shmemq_close(q) != 0)
		stress_fail("close");
	coverage_exit(0);
}

static void check(const char *side, ssize_t size, uint32_t type)
{
	if ((size_t)size != size_of(type) || !traffic_filled(buffer, (size_t)size, content_of(type)))
		stress_fail("%s: message %" PRIu32 " of %zd bytes is torn", side, type, size);
}

static _Noreturn void consume(void)
{
	struct shmemq *q = stress_open(stress.name, SHMEMQ_CONSUMER | SHMEMQ_STAY, capacity, 0);
	uint32_t type;

	for (;;) {
		ssize_t size = shmemq_timedpop(q, buffer, message_max, &type, 100 * STRESS_MS);

		if (size < 0 && errno != ETIMEDOUT)
			stress_fail("consumer's pop");
		if (size >= 0 && type % 64 == 0)
			check("consumer", size, type);
		if (dice(100000) == 0)
			stress_sleep(stress_magnitude(&stress.random, 1000, 20 * STRESS_MS));
	}
}

/* What a follower expects. */
struct expected {
	bool any, back;
	uint32_t next;
};

static void move(struct shmemq *q, struct expected *expected, int me, int whence)
{
	uint64_t lost;

	if (shmemq_seek(q, whence, &lost) != 0)
		stress_fail("seek");
	/* `next` is from the last pop, as `lost` is. */
	expected->back = lost == 0;
	shared->lost[me] = (uint32_t)lost;
}

static void follow_one(struct shmemq *q, struct expected *expected, int me, ssize_t size, uint32_t type)
{
	check("follower", size, type);
	if (expected->any && !(expected->back && (int32_t)(type - expected->next) <= 0) &&
	    type != expected->next + shared->lost[me])
		stress_fail("follower: message %" PRIu32 ", expected %" PRIu32 " after %" PRIu32 " lost", type,
			    expected->next + shared->lost[me], shared->lost[me]);
	expected->any = true;
	expected->back = false;
	expected->next = type + 1;
	shared->lost_all[me] += shared->lost[me];
	shared->lost[me] = 0;
	shared->seen[me]++;
	if (dice(5000) == 0)
		move(q, expected, me, (int)dice(3));
}

static _Noreturn void follow(int me, bool stay)
{
	struct shmemq *q = shmemq_open(stress.name, SHMEMQ_FOLLOWER | (stay ? SHMEMQ_STAY : 0), 0, NULL);
	struct expected expected = { .any = false };
	bool slow = dice(3) == 0;
	struct shmemq_stat st;
	uint32_t type;

	if (q == NULL)
		stress_fail("open of a follower");
	for (;;) {
		ssize_t size = shmemq_timedpop(q, buffer, message_max, &type, dice(2) ? 0 : 10 * STRESS_MS);

		if (size >= 0) {
			follow_one(q, &expected, me, size, type);
		} else if (errno == EOVERFLOW) {
			shared->overtaken[me]++;
			move(q, &expected, me, dice(10) ? SHMEMQ_OLDEST : (int)dice(3));
		} else if (errno == EPIPE && shared->finish) {
			break;
		} else if (errno != EAGAIN && errno != ETIMEDOUT && errno != EPIPE && errno != EOWNERDEAD) {
			stress_fail("follower's pop");
		} else if (shared->finish && stay && shmemq_stat(q, &st) == 0 && st.producer == SHMEMQ_END_CLOSED &&
			   st.lag_messages == 0) {
			break;
		}
		if (slow && dice(10000) == 0)
			stress_sleep(stress_magnitude(&stress.random, 1000, 50 * STRESS_MS));
	}
	/* All that were pushed have been seen or counted. */
	if (expected.any && expected.next + shared->lost[me] != shared->pushed && !expected.back)
		stress_fail("follower: %" PRIu32 " messages at the end of %" PRIu32, expected.next + shared->lost[me],
			    (uint32_t)shared->pushed);
	coverage_exit(0);
}

static pid_t start(void (*side)(void))
{
	pid_t pid;

	traffic_random(&stress.random);
	pid = stress_fork();
	if (pid == 0)
		side();
	return pid;
}

/* As nobody, it may read and not write. */
static pid_t start_follower(int me)
{
	bool stay = dice(2), nobody = dice(3) == 0;
	pid_t pid;

	traffic_random(&stress.random);
	pid = stress_fork();
	if (pid == 0) {
		/* That clears what stress_fork() has set. */
		if (nobody && geteuid() == 0 && (setuid(65534) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0))
			stress_fail("setuid");
		follow(me, stay);
	}
	return pid;
}

static void end(const char *side, pid_t pid, int signal)
{
	int64_t until = stress_now() + HANG_NS;
	int status;

	if (signal != 0)
		kill(pid, signal);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (stress_now() > until)
			stress_fail("the %s hangs", side);
		stress_sleep(STRESS_MS);
	}
	if (!(WIFSIGNALED(status) && WTERMSIG(status) == signal && signal != 0) && status != 0)
		stress_fail("the %s ended with %s", side, stress_status(status));
}

static void make_queue(void)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct shmemq_attr attr;
	uint32_t alignment;
	char path[128];
	struct shmemq *q;

	capacity = page << dice(10);
	alignment = dice(2) ? 0 : stress_alignment(&stress.random, capacity);
	stress_capacity_max = 4 * alignment <= capacity && dice(2) ? capacity << (1 + dice(5)) : 0;
	seed = traffic_random(&stress.random);
	stress_remove(stress.name);
	q = stress_open(stress.name, SHMEMQ_OBSERVER, capacity, alignment);
	if (shmemq_getattr(q, &attr) != 0)
		stress_fail("getattr");
	message_max = attr.message_max;
	shmemq_close(q);
	snprintf(path, sizeof path, "/dev/shm%s", stress.name);
	if (chmod(path, 0644) != 0)
		stress_fail("chmod");
	free(buffer);
	buffer = malloc(message_max + 8 * 256);
	if (buffer == NULL)
		stress_fail("malloc");
	memset(shared, 0, sizeof *shared);
}

static unsigned long kills;

static void kill_sides(pid_t *producer, pid_t *consumer)
{
	int64_t until = stress_now() + ROUND_NS;

	while (stress_now() < until && !stress_over(&stress)) {
		stress_sleep(stress_magnitude(&stress.random, 1000, 100 * STRESS_MS));
		if (dice(2)) {
			end("producer", *producer, SIGKILL);
			*producer = start(produce);
		} else {
			end("consumer", *consumer, SIGKILL);
			if (dice(4) == 0)
				stress_sleep(stress_magnitude(&stress.random, 1000, 10 * STRESS_MS));
			*consumer = start(consume);
		}
		kills++;
	}
}

int main(void)
{
	unsigned long rounds = 0, seen = 0, lost = 0, overtaken = 0;

	stress_begin(&stress, "follow", 4);
	shared = stress_shared(sizeof *shared);
	do {
		int followers = 1 + (int)dice(FOLLOWERS_MAX);
		pid_t producer, consumer, pids[FOLLOWERS_MAX];

		make_queue();
		for (int i = 0; i < followers; i++)
			pids[i] = start_follower(i);
		producer = start(produce);
		consumer = start(consume);
		kill_sides(&producer, &consumer);
		shared->finish = true;
		end("producer", producer, 0);
		end("consumer", consumer, SIGKILL);
		for (int i = 0; i < followers; i++) {
			end("follower", pids[i], 0);
			seen += shared->seen[i];
			lost += shared->lost_all[i];
			overtaken += shared->overtaken[i];
		}
		rounds++;
	} while (!stress_over(&stress));
	stress_remove(stress.name);
	free(buffer);
	return stress_end(&stress, 0, "%lu queues, %lu kills, %lu messages followed, %lu counted as lost in %lu times",
			  rounds, kills, seen, lost, overtaken);
}
