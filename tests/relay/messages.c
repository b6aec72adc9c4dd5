/* SPDX-License-Identifier: MIT */
/*
 * Numbered messages, whose sizes, types and bytes follow from their numbers, for the tests of the relay.
 *
 *	messages push QUEUE FIRST COUNT SIZE [PAUSE]	pushes them, and closes
 *	messages pop QUEUE FIRST COUNT SIZE [PAUSE]	pops and checks them
 *
 * SIZE: bytes of each; or a range, FROM-TO. PAUSE: microseconds after eight of them. pop ends with the last message,
 * and after another 300 ms in which none may come; or on SIGTERM, with what has come by then. It says how many were
 * lost, doubled, out of order and wrong, and fails if any was. With COUNT 0, messages are pushed as long as the process
 * lives, or popped until the producer closes. A peer that dies or closes before is waited for.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <shmemq.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUIET_NS INT64_C(300000000)
/* Messages beyond the first that can be told apart when COUNT is 0. */
#define MANY ((uint64_t)1 << 26)

struct run {
	struct shmemq *q;
	uint64_t first, count, from, to;
	unsigned pause_us;
};

/* SIGTERM: what has been popped by now is judged. */
static struct shmemq *interrupted;
static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
	shmemq_interrupt(interrupted);
}

static void pause_for(unsigned us)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)us * 1000 }, NULL);
}

static void die(const char *what)
{
	fprintf(stderr, "messages: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static size_t size_of(const struct run *run, uint64_t n)
{
	return (size_t)(run->from + mix(n) % (run->to - run->from + 1));
}

/* The type tells the number, the empty message's too. */
static uint32_t type_of(uint64_t n)
{
	return (uint32_t)n ^ 0x5a5a5a5au;
}

/*
 * The bytes of message `n` are those of words that follow from each other. All but the last one are copied
 * and compared whole: the check takes a sixth of the time, and `make bench-nats` measures the relay, not that.
 */
static uint64_t next_word(uint64_t word, uint64_t n)
{
	return word * 0x9e3779b97f4a7c15 + n;
}

static void fill(unsigned char *to, size_t size, uint64_t n)
{
	uint64_t word = mix(n + 1);

	for (; size >= sizeof word; size -= sizeof word, to += sizeof word) {
		memcpy(to, &word, sizeof word);
		word = next_word(word, n);
	}
	memcpy(to, &word, size);
}

static bool is_filled(const unsigned char *from, size_t size, uint64_t n)
{
	uint64_t word = mix(n + 1);

	for (; size >= sizeof word; size -= sizeof word, from += sizeof word) {
		if (memcmp(from, &word, sizeof word) != 0)
			return false;
		word = next_word(word, n);
	}
	return memcmp(from, &word, size) == 0;
}

static int push(const struct run *run)
{
	for (uint64_t n = run->first; run->count == 0 || n < run->first + run->count; n++) {
		size_t size = size_of(run, n);
		unsigned char *to;

		while ((to = shmemq_push_start(run->q, size)) == NULL) {
			if (errno != EPIPE && errno != EOWNERDEAD)
				die("push");
			pause_for(1000);
		}
		fill(to, size, n);
		if (shmemq_push_end(run->q, size, type_of(n)) != 0)
			die("push");
		if (run->pause_us != 0 && n % 8 == 0)
			pause_for(run->pause_us);
	}
	return shmemq_close(run->q) != 0;
}

static int verdict(uint64_t got, uint64_t lost, uint64_t doubled, uint64_t late, uint64_t wrong)
{
	printf("messages: %" PRIu64 " popped, %" PRIu64 " lost, %" PRIu64 " doubled, %" PRIu64 " out of order, %" PRIu64
	       " wrong\n",
	       got, lost, doubled, late, wrong);
	return lost + doubled + late + wrong != 0;
}

static int pop(const struct run *run)
{
	uint64_t next = run->first, most = run->count == 0 ? MANY : run->count;
	uint64_t got = 0, distinct = 0, doubled = 0, late = 0, wrong = 0;
	unsigned char *seen = calloc(1, most / 8 + 1);

	if (seen == NULL)
		die("memory");
	for (;;) {
		bool complete = run->count != 0 && distinct == run->count;
		size_t size;
		uint32_t type;
		const unsigned char *at = shmemq_timedpop_start(run->q, &size, &type, complete ? QUIET_NS : -1);
		uint64_t n = run->first + (uint32_t)(type_of(type) - (uint32_t)run->first);

		if (at == NULL &&
		    ((errno == EPIPE && (complete || run->count == 0)) || errno == ETIMEDOUT || stopped != 0))
			break;
		if (at == NULL && (errno == EPIPE || errno == EOWNERDEAD)) {
			pause_for(1000);
			continue;
		}
		if (at == NULL)
			die("pop");
		got++;
		if (n - run->first >= most || size != size_of(run, n) || !is_filled(at, size, n)) {
			wrong++;
		} else if (seen[(n - run->first) / 8] & 1u << n % 8) {
			doubled++;
		} else {
			seen[(n - run->first) / 8] |= (unsigned char)(1u << n % 8);
			distinct++;
			late += n < next;
			next = n + 1 > next ? n + 1 : next;
		}
		if (shmemq_pop_end(run->q) != 0)
			die("pop_end");
		if (run->pause_us != 0 && n % 8 == 0)
			pause_for(run->pause_us);
	}
	free(seen);
	/* Of a run that was not complete, what was lost is what is missing before the last one. */
	return verdict(got, (run->count != 0 && stopped == 0 ? run->count : next - run->first) - distinct, doubled,
		       late, wrong);
}

int main(int argc, char **argv)
{
	struct run run = { 0 };
	bool pushes;
	char *end;

	if (argc < 6) {
		fputs("usage: messages push|pop QUEUE FIRST COUNT SIZE [PAUSE]\n", stderr);
		return 2;
	}
	pushes = strcmp(argv[1], "push") == 0;
	run.first = strtoull(argv[3], NULL, 10);
	run.count = strtoull(argv[4], NULL, 10);
	run.from = run.to = strtoull(argv[5], &end, 10);
	if (*end == '-')
		run.to = strtoull(end + 1, NULL, 10);
	run.pause_us = argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 0;
	run.q = shmemq_open(argv[2], (pushes ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER), 0, NULL);
	if (run.q == NULL)
		die(argv[2]);
	interrupted = run.q;
	if (!pushes)
		signal(SIGTERM, stop);
	return pushes ? push(&run) : pop(&run);
}
