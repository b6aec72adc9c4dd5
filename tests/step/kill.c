/* SPDX-License-Identifier: MIT */
/*
 * SIGKILL at each instruction. A side is single-stepped through its calls. After each instruction the shared memory is
 * as a kill there would leave it: it is copied to another queue, and two new ends of that show whether it is right.
 * Besides, real kills: at some instructions, evenly spread, as many as there is time for; with a long $TEST_SECONDS, at
 * all of them, and again with messages of other sizes. The same in a queue that may grow, whose ring holds seven small
 * messages: so the victim goes from one ring to the other.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aftermath.h"
#include "format.h"
#include "step_act.h"
#include "stress.h"
#include "tracee.h"
#include "traffic.h"

#define QUEUED        5   /* messages in the ring when the victim begins */
#define SMALL         100 /* bytes: the messages have to fit into the ring, and to take few steps */
#define LIMITED_BYTES 255 /* the largest message that audit_message() makes but for a few */
#define LIMIT         8   /* messages_max, in every other pass; */
#define LIMIT_GROWING 10  /* more than a prelude pushes */
#define GROWS         4   /* times as large as the ring */
#define MESSAGES_MOST 12  /* of each producer, which are to be small */

static struct stress stress;
static struct audit *audit; /* shared with the victim */
static struct audit judged; /* a copy of it, for one judgement */
static char copy_name[sizeof stress.name + 5];
static unsigned char *original, *copy; /* their memory: a header page and a ring of a page */
static unsigned char *last;            /* the state that was judged last */
static unsigned char *first;           /* the state that the victim found */
static size_t bytes;
static unsigned char *buffer;
static uint64_t kills, states;
static uint32_t limit; /* of the queues; 0: none */
static uint32_t message_max;
static unsigned prelude; /* which */

static struct aftermath ends_of(const char *name, struct audit *of)
{
	return (struct aftermath){ .name = name,
				   .producer = { .audit = of, .buffer = buffer },
				   .consumer = { .audit = of, .buffer = buffer },
				   .shared = step_shared,
				   .limit = limit };
}

/* Starts the victim on a queue with QUEUED messages; this process holds its peer's end. */
static bool begin(const struct step_act *act, struct aftermath *ends, struct tracee *tracee)
{
	bool produces = act->end == SHMEMQ_PRODUCER;
	struct side *to_be_left = produces ? &ends->producer : &ends->consumer;
	struct shmemq_stat st;

	audit_reset(audit, audit->seed, audit->message_max, audit->alignment);
	*ends = ends_of(stress.name, audit);
	aftermath_claim(ends, SHMEMQ_PRODUCER);
	aftermath_claim(ends, SHMEMQ_CONSUMER);
	if (audit->violations != 0 || shmemq_stat(ends->consumer.q, &st) != 0)
		return false;
	ends->pushed = st.pushed_messages;
	ends->popped = audit->messages;
	if (prelude == 0) {
		aftermath_push(ends, QUEUED);
	} else {
		aftermath_move(ends, preludes[prelude].pushes, preludes[prelude].pops);
		aftermath_move(ends, preludes[prelude].more_pushes, preludes[prelude].more_pops);
	}
	memcpy(first, original, bytes);
	if (!step_shared) {
		shmemq_close(to_be_left->q);
		to_be_left->q = NULL;
	}
	step_victim.next = AUDIT_NAME(produces ? ++ends->epoch : 0, 1);
	if (tracee_start(tracee, act->prepare, act->run, (void *)(uintptr_t)act))
		return true;
	fprintf(stderr, "step_kill: %s: cannot be prepared\n", act->what);
	audit->violations++;
	return false;
}

static void report(const struct step_act *act, uint64_t at, const char *how)
{
	fprintf(stderr, "step_kill: %s%s, %s after instruction %" PRIu64 "\n", preludes[prelude].what, act->what, how,
		at);
}

/* Judges the memory as it is now, in a copy. */
static void judge_state(const struct step_act *act, const struct aftermath *victim, uint64_t at)
{
	for (int at_once = 0; at_once < 2 && audit->violations == 0; at_once++) {
		struct aftermath ends = ends_of(copy_name, &judged);
		unsigned other = act->end == SHMEMQ_PRODUCER ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER;

		judged = *audit;
		if (step_shared) { /* the successor has been open since before the act */
			memcpy(copy, first, bytes);
			aftermath_claim(&ends, act->end);
		}
		ends.epoch = victim->epoch;
		ends.pushed = victim->pushed;
		ends.popped = victim->popped;
		memcpy(copy, original, bytes);
		aftermath_claim(&ends, other);
		if (judged.violations == 0)
			aftermath_judge(&ends, act->end, at_once);
		if (judged.violations != 0)
			report(act, at, "stopped");
		audit->violations += judged.violations;
		states++;
	}
}

/* Steps through the whole act and judges each state that differs from the last. How many instructions it took. */
static uint64_t judge_each_state(const struct step_act *act)
{
	static struct audit last_audit;
	struct aftermath ends;
	struct tracee tracee;
	uint64_t at = 0;

	if (!begin(act, &ends, &tracee))
		return 1;
	do {
		if (at == 0 || memcmp(last, original, bytes) != 0 || memcmp(&last_audit, audit, sizeof *audit) != 0) {
			memcpy(last, original, bytes);
			last_audit = *audit;
			judge_state(act, &ends, at);
		}
		at++;
	} while (tracee_go(&tracee, PTRACE_SINGLESTEP) && audit->violations == 0);
	if (WIFEXITED(tracee.status) && WEXITSTATUS(tracee.status) != 0) {
		report(act, at, stress_status(tracee.status));
		audit->violations++;
	}
	tracee_kill(&tracee); /* after a violation it has not ended */
	aftermath_judge(&ends, act->end, true);
	return at;
}

static void kill_at(const struct step_act *act, uint64_t at)
{
	struct aftermath ends;
	struct tracee tracee;

	if (!begin(act, &ends, &tracee))
		return;
	tracee_kill_at(&tracee, PTRACE_SINGLESTEP, at);
	aftermath_judge(&ends, act->end, traffic_random(&stress.random) % 2);
	if (audit->violations != 0)
		report(act, at, "killed");
	kills++;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	return b == 0 ? a : common_divisor(b, a % b);
}

/* Real kills until `until`, in an order that spreads them evenly. How many. */
static uint64_t kill_at_many(const struct step_act *act, uint64_t count, int64_t until)
{
	uint64_t stride = count * 618 / 1000 + 1, at = traffic_random(&stress.random) % count, done;

	while (common_divisor(stride, count) != 1)
		stride++;
	for (done = 0; done < count && stress_now() < until && audit->violations == 0; done++) {
		kill_at(act, at);
		at = (at + stride) % count;
	}
	return done;
}

/* A seed whose first messages are small, in the epochs before, of and after the victim. */
static void choose_seed(void)
{
	uint32_t most = prelude == 0 ? SMALL : audit->alignment - 8;
	unsigned each = prelude == 0 ? QUEUED : MESSAGES_MOST;
	bool small;

	do {
		audit->seed = traffic_random(&stress.random);
		small = true;
		for (unsigned i = 0; i < 3 * each; i++)
			small = small && audit_message(audit, AUDIT_NAME(1 + i / each, 1 + i % each)).size <= most;
	} while (!small);
}

static void set_limit(unsigned char *queue)
{
	memcpy(queue + offsetof(struct smq_identity, messages_max), &limit, sizeof limit);
}

/* `parts`: of the time that is left, this pass may take one. */
static void pass(bool shared, bool limited, unsigned parts)
{
	step_shared = shared;
	limit = !limited ? 0 : prelude == 0 ? LIMIT : LIMIT_GROWING;
	/* No message is large then: a push waits because of the limit, and not because the ring is full. */
	audit->message_max = limited ? LIMITED_BYTES : message_max;
	set_limit(original);
	set_limit(copy);
	choose_seed();
	for (size_t i = 0; i < STEP_ACTS && audit->violations == 0; i++) {
		uint64_t instructions = judge_each_state(&step_acts[i]), killed;
		/* The time that is left is divided among the acts that are left. */
		int64_t now = stress_now(), acts = (int64_t)(STEP_ACTS * parts - i);
		int64_t until = now + (stress.end - now) / acts;

		killed = kill_at_many(&step_acts[i], instructions, until);
		printf("%s%s%s%s: %" PRIu64 " instructions, killed after %" PRIu64 " of them\n",
		       limited ? "limited, " : "", shared ? "shared, " : "", preludes[prelude].what, step_acts[i].what,
		       instructions, killed);
		fflush(stdout);
	}
}

/* Makes a queue whose ring has one page, and maps its file. */
static unsigned char *make_queue(const char *name, uint64_t page)
{
	struct shmemq_attr attr = { .capacity = page,
				    .capacity_max = prelude == 0 ? page : GROWS * page,
				    .alignment = audit->alignment };
	struct shmemq *q = shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr);
	void *map;

	if (q == NULL)
		stress_fail("open of %s", name);
	shmemq_close(q);
	map = stress_map(name, bytes);
	if (map == NULL)
		stress_fail("map");
	return map;
}

static void unmake_queue(const char *name, unsigned char *map)
{
	munmap(map, bytes);
	if (shmemq_unlink(name) != 0)
		stress_fail("unlink of %s", name);
}

/* All passes with one prelude, in queues of their own. */
static void passes(size_t page, unsigned parts)
{
	audit->alignment = prelude == 0 ? 8u << traffic_random(&stress.random) % 5 : (uint32_t)page / 8;
	message_max = stress_message_max(page, prelude == 0 ? page : GROWS * page, audit->alignment);
	bytes = (prelude == 0 ? 2 : 2 + GROWS) * page;
	original = make_queue(stress.name, page);
	copy = make_queue(copy_name, page);
	pass(false, false, 4 * parts);
	pass(true, false, 4 * parts - 1);
	/* Of a queue that grows one of them, as chance decides. */
	for (unsigned i = 0; i < (prelude == 0 ? 2 : 1); i++)
		pass(prelude == 0 ? i : traffic_random(&stress.random) % 2, true, 4 * parts - 2 - i);
	unmake_queue(stress.name, original);
	unmake_queue(copy_name, copy);
}

int main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!tracee_may_step())
		return STRESS_SKIP;
	stress_begin(&stress, "step_kill", 4);
	snprintf(copy_name, sizeof copy_name, "%scopy", stress.name);
	audit = stress_shared(sizeof *audit);
	if ((buffer = malloc(GROWS * page)) == NULL || (last = malloc((2 + GROWS) * page)) == NULL ||
	    (first = malloc((2 + GROWS) * page)) == NULL)
		stress_fail("memory");
	step_queue = stress.name;
	step_victim.audit = audit;
	step_victim.buffer = buffer;
	do {
		/* All take a minute: the first, and one more, of which the next run takes another. */
		unsigned chosen = 1 + (unsigned)(traffic_random(&stress.random) % (PRELUDES - 1));
		bool all = stress.end - stress.start > 60 * STRESS_S;

		for (prelude = 0; prelude < PRELUDES && audit->violations == 0; prelude++) {
			if (all || prelude == 0 || prelude == chosen)
				passes(page, all ? PRELUDES - prelude : prelude == 0 ? 2 : 1);
		}
	} while (!stress_over(&stress) && audit->violations == 0);
	return stress_end(&stress, audit->violations, "%" PRIu64 " states judged, %" PRIu64 " kills", states, kills);
}
