/* SPDX-License-Identifier: MIT */
/*
 * Marks, one instruction at a time. A side sets a mark before each of its operations. After each instruction that has
 * changed the shared memory, that is copied to another queue, where nobody has the victim's end: there an observer, a
 * follower, and then the victim's successor see the mark of the last operation that took place. Which one that is, the
 * messages tell. In a queue that may grow the same, from where its ends are in one ring, in the other, and about to
 * change: one of these in each run, with $TEST_SECONDS of 30 all.
 */
#include "config.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"
#include "tracee.h"
#include "traffic.h"

#define GROWS      4 /* times as large as the ring */
#define OPERATIONS 2
#define BEFORE     0xfedcba9876543210 /* the mark that the victim finds */
#define MARK(n)    (0x8877665544332211 * (n))

/* What has been moved when the victim begins, in turn; the first: of a queue that does not grow. */
static const struct {
	unsigned pushes, pops, more_pushes, more_pops;
} preludes[] = {
	{ 4, 0, 0, 0 }, { 6, 0, 0, 0 }, { 7, 5, 0, 0 }, { 9, 6, 0, 0 },
	{ 9, 8, 0, 0 }, { 9, 9, 0, 0 }, { 9, 8, 2, 0 }, { 9, 9, 2, 1 },
};
#define PRELUDES (sizeof preludes / sizeof preludes[0])

enum way { PUSH, PUSHV, IN_PLACE, PUSHM, TWICE, FAILED, POP, POP_IN_PLACE, NOTHING, PART, ALL, MORE, TOO_LARGE };
static const char *const names[] = {
	"push",         "pushv",         "push in place",      "pushm",    "mark, twice", "push after a failure", "pop",
	"pop in place", "popm_end of 0", "popm_end of a part", "popm_end", "popm_more",   "pop after EMSGSIZE",
};
#define WAYS (sizeof names / sizeof names[0])

/* What the victim tells: how many messages each operation moves, and that it has ended. */
struct told {
	_Atomic uint32_t moves[OPERATIONS];
	_Atomic uint32_t done;
};

static struct stress stress;
static struct told *told;
static char copy_name[sizeof stress.name + 5];
static unsigned char *original, *copy, last[8 * 65536];
static size_t bytes, page;
static struct shmemq *q; /* of the victim */
static unsigned queued;  /* messages, when it begins */
static uint64_t states;
static unsigned long violations;

static bool produces(enum way way)
{
	return way < POP;
}

static struct shmemq *open_end(const char *name, unsigned flags)
{
	unsigned nonblock = flags == SHMEMQ_OBSERVER ? 0 : SHMEMQ_NONBLOCK;
	struct shmemq *end = shmemq_open(name, flags | nonblock, 0, NULL);

	if (end == NULL)
		stress_fail("open");
	return end;
}

static int prepare(void *argument)
{
	q = open_end(stress.name, produces(*(enum way *)argument) ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER);
	return 0;
}

/* Pushes a message, with a mark. */
static int produce(enum way way)
{
	char text[] = "xy";
	struct shmemq_msg msgs[2] = { { .data = text, .size = 1 }, { .data = text + 1, .size = 1 } };
	struct iovec part = { .iov_base = (void *)"x", .iov_len = 1 };

	if (way == PUSH || way == TWICE)
		return shmemq_push(q, "x", 1, 0);
	if (way == FAILED)
		return shmemq_push(q, "x", SIZE_MAX, 0) == 0 || shmemq_push(q, "x", 1, 0) != 0;
	if (way == PUSHV)
		return shmemq_pushv(q, &part, 1, 0);
	if (way == PUSHM)
		return shmemq_pushm(q, msgs, 2, 0) != 1;
	/* The record is shorter in the end. */
	return shmemq_push_start(q, 1000) == NULL || shmemq_push_end(q, 1, 0) != 0;
}

/* Pops messages, with a mark that is set while they are held. `*moves`: how many that will be. */
static int consume(enum way way, uint64_t mark, _Atomic uint32_t *moves)
{
	struct shmemq_msg msgs[8];
	char buffer[8];
	size_t size;
	int held, more;

	*moves = 1;
	if (way == POP)
		return shmemq_mark(q, mark) != 0 || shmemq_pop(q, buffer, sizeof buffer, NULL) < 0;
	if (way == TOO_LARGE)
		return shmemq_mark(q, mark) != 0 || shmemq_pop(q, buffer, 0, NULL) >= 0 ||
		       shmemq_pop(q, buffer, sizeof buffer, NULL) < 0;
	if (way == POP_IN_PLACE)
		return shmemq_pop_start(q, &size, NULL) == NULL || shmemq_mark(q, mark) != 0 || shmemq_pop_end(q) != 0;
	held = shmemq_popm_start(q, msgs, way == MORE ? 1 : 2, 0);
	if (held < 0)
		return -1;
	more = way == MORE ? shmemq_popm_more(q, msgs + held, 1, 0) : 0;
	held += more > 0 ? more : 0;
	*moves = way == NOTHING ? 0 : way == PART ? 1 : (uint32_t)held;
	return shmemq_mark(q, mark) != 0 || shmemq_popm_end(q, *moves) != 0;
}

static int act(void *argument)
{
	enum way way = *(enum way *)argument;
	int result = 0;

	for (unsigned i = 0; i < OPERATIONS && result == 0; i++) {
		uint64_t mark = MARK(i + 1);

		if (!produces(way)) {
			result = consume(way, mark, &told->moves[i]);
			continue;
		}
		told->moves[i] = 1;
		if (shmemq_mark(q, way == TWICE ? 7 : mark) != 0 || (way == TWICE && shmemq_mark(q, mark) != 0))
			return 1;
		result = produce(way);
	}
	told->done = 1;
	return 0; /* a consumer has found the queue empty */
}

static struct shmemq_stat stat_of(unsigned flags)
{
	struct shmemq *observer = open_end(copy_name, flags);
	struct shmemq_stat st;

	if (shmemq_stat(observer, &st) != 0)
		stress_fail("stat");
	shmemq_close(observer);
	return st;
}

/* The mark after so many messages have been moved. */
static uint64_t mark_after(unsigned moved)
{
	uint64_t mark = BEFORE;

	for (unsigned i = 0, sum = 0; i < OPERATIONS && (sum += told->moves[i]) <= moved && told->moves[i] != 0; i++)
		mark = MARK(i + 1);
	return mark;
}

static void check(enum way way, const char *who, unsigned moved, const struct shmemq_stat *st)
{
	uint64_t mark = produces(way) ? st->producer_mark : st->consumer_mark, other = st->producer_mark;
	uint64_t expected = mark_after(moved);
	bool one = mark == expected;

	/* Of no message: nothing but the mark tells. */
	if (way == NOTHING)
		one = mark == BEFORE || mark == MARK(1) || mark == MARK(2);
	if (one && (produces(way) || other == 0))
		return;
	fprintf(stderr, "step_mark: %s: %s sees %" PRIx64 " and not %" PRIx64 " after %u messages\n", names[way], who,
		mark, expected, moved);
	violations++;
}

static unsigned drain(void)
{
	struct shmemq *consumer = open_end(copy_name, SHMEMQ_CONSUMER);
	unsigned count = 0;
	char buffer[8];

	while (shmemq_pop(consumer, buffer, sizeof buffer, NULL) >= 0)
		count++;
	shmemq_close(consumer);
	return count;
}

/* Judges the memory as it is, in a copy. The mark that is seen. */
static uint64_t judge(enum way way)
{
	struct shmemq_stat observed, followed, later, settled, moved_on;
	char buffer[8];
	struct shmemq *successor;
	unsigned moved, left;

	memcpy(copy, original, bytes);
	observed = stat_of(SHMEMQ_OBSERVER);
	followed = stat_of(SHMEMQ_FOLLOWER);
	left = drain();
	moved = produces(way) ? left - queued : queued - left;
	later = stat_of(SHMEMQ_OBSERVER);
	memcpy(copy, original, bytes);
	successor = open_end(copy_name, produces(way) ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER);
	if (shmemq_stat(successor, &settled) != 0)
		stress_fail("stat");
	if (produces(way)) /* without a mark */
		shmemq_push(successor, "x", 1, 0);
	else
		shmemq_pop(successor, buffer, sizeof buffer, NULL);
	moved_on = stat_of(SHMEMQ_OBSERVER);
	shmemq_close(successor);
	check(way, "an observer", moved, &observed);
	check(way, "a follower", moved, &followed);
	if (produces(way)) /* else the draining was a successor */
		check(way, "an observer after the consumer", moved, &later);
	check(way, "a successor", moved, &settled);
	check(way, "an observer after the successor has gone on", moved, &moved_on);
	states++;
	if (way == NOTHING &&
	    (settled.consumer_mark != observed.consumer_mark || moved_on.consumer_mark != observed.consumer_mark))
		violations++;
	return produces(way) ? settled.producer_mark : settled.consumer_mark;
}

static void move(struct shmemq *producer, struct shmemq *consumer, unsigned pushes, unsigned pops)
{
	char buffer[8];

	for (; pushes > 0; pushes--)
		shmemq_push(producer, "x", 1, 0);
	for (; pops > 0; pops--)
		shmemq_pop(consumer, buffer, sizeof buffer, NULL);
}

/* Brings the queue to where the victim begins. */
static void begin(enum way way, size_t prelude)
{
	struct shmemq *producer = open_end(stress.name, SHMEMQ_PRODUCER);
	struct shmemq *consumer = open_end(stress.name, SHMEMQ_CONSUMER);

	queued = preludes[prelude].pushes + preludes[prelude].more_pushes - preludes[prelude].pops -
		 preludes[prelude].more_pops;
	shmemq_mark(produces(way) ? producer : consumer, BEFORE);
	move(producer, consumer, preludes[prelude].pushes, preludes[prelude].pops);
	if (!produces(way) && preludes[prelude].pops == 0) {
		struct shmemq_msg msg;

		shmemq_popm_start(consumer, &msg, 1, 0);
		shmemq_popm_end(consumer, 0);
	}
	move(producer, consumer, preludes[prelude].more_pushes, preludes[prelude].more_pops);
	shmemq_close(producer);
	shmemq_close(consumer);
	memset(told, 0, sizeof *told);
}

static unsigned char *make_queue(const char *name, bool grows)
{
	struct shmemq_attr attr = { .capacity = page,
				    .capacity_max = grows ? GROWS * page : 0,
				    .alignment = (uint32_t)page / 8 };
	struct shmemq *made = shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr);
	void *map = made != NULL ? stress_map(name, bytes) : NULL;

	if (map == NULL)
		stress_fail("queue");
	shmemq_close(made);
	return map;
}

static void pass(enum way way, size_t prelude)
{
	struct tracee tracee;
	uint64_t mark = 0, at = 0;

	bytes = (2 + (prelude != 0 ? GROWS : 0)) * page;
	original = make_queue(stress.name, prelude != 0);
	copy = make_queue(copy_name, prelude != 0);
	begin(way, prelude);
	if (!tracee_start(&tracee, prepare, act, &way))
		stress_fail("the victim cannot be prepared");
	do {
		if (at++ == 0 || memcmp(last, original, bytes) != 0) {
			memcpy(last, original, bytes);
			mark = judge(way);
		}
	} while (violations == 0 && tracee_go(&tracee, PTRACE_SINGLESTEP));
	if (violations != 0)
		fprintf(stderr, "step_mark: prelude %zu, after %" PRIu64 " instructions\n", prelude, at);
	if (violations == 0 && (told->done != 1 || !WIFEXITED(tracee.status) || WEXITSTATUS(tracee.status) != 0 ||
				(prelude == 0 && mark != MARK(OPERATIONS))))
		violations++;
	tracee_kill(&tracee);
	munmap(original, bytes);
	munmap(copy, bytes);
	shmemq_unlink(stress.name);
	shmemq_unlink(copy_name);
}

int main(void)
{
	size_t chosen;

	if (!tracee_may_step())
		return STRESS_SKIP;
	page = (size_t)sysconf(_SC_PAGESIZE);
	if ((2 + GROWS) * page > sizeof last)
		return STRESS_SKIP;
	stress_begin(&stress, "step_mark", 0);
	snprintf(copy_name, sizeof copy_name, "%scopy", stress.name);
	told = stress_shared(sizeof *told);
	/* All take half a minute: the first, and one more, of which the next run takes another. */
	chosen = 1 + traffic_random(&stress.random) % (PRELUDES - 1);
	for (size_t prelude = 0; prelude < PRELUDES; prelude++) {
		bool skip = prelude != 0 && prelude != chosen && stress.end - stress.start < 30 * STRESS_S;

		for (unsigned way = 0; !skip && way < WAYS && violations == 0; way++)
			pass((enum way)way, prelude);
	}
	return stress_end(&stress, violations, "%" PRIu64 " states judged", states);
}
