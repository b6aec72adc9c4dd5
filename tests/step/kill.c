/* SPDX-License-Identifier: MIT */
/*
 * SIGKILL at each instruction. A side is single-stepped through its calls. After each instruction the shared memory is
 * as a kill there would leave it: it is copied to another queue, and two new ends of that show whether it is right.
 * Besides, real kills: at some instructions, evenly spread, as many as there is time for; with a long $TEST_SECONDS, at
 * all of them, and again with messages of other sizes.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aftermath.h"
#include "format.h"
#include "step_act.h"
#include "stress.h"
#include "tracee.h"
#include "traffic.h"

#define QUEUED 5   /* messages in the ring when the victim begins */
#define SMALL  100 /* bytes: the messages have to fit into the ring, and to take few steps */
#define LIMIT  8   /* messages_max, in every other pass */

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

	audit_reset(audit, audit->seed, audit->message_max, audit->alignment);
	*ends = ends_of(stress.name, audit);
	aftermath_claim(ends, SHMEMQ_PRODUCER);
	aftermath_claim(ends, SHMEMQ_CONSUMER);
	if (audit->violations != 0)
		return false;
	aftermath_push(ends, QUEUED);
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
	fprintf(stderr, "step_kill: %s, %s after instruction %" PRIu64 "\n", act->what, how, at);
}

/* Judges the memory as it is now, in a copy. */
static void judge_state(const struct step_act *act, uint32_t epoch, uint64_t at)
{
	for (int at_once = 0; at_once < 2 && audit->violations == 0; at_once++) {
		struct aftermath ends = ends_of(copy_name, &judged);
		unsigned other = act->end == SHMEMQ_PRODUCER ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER;

		judged = *audit;
		if (step_shared) { /* the successor has been open since before the act */
			memcpy(copy, first, bytes);
			aftermath_claim(&ends, act->end);
		}
		ends.epoch = epoch;
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
			judge_state(act, ends.epoch, at);
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
	bool small;

	do {
		audit->seed = traffic_random(&stress.random);
		small = true;
		for (unsigned i = 0; i < 3 * QUEUED; i++)
			small = small && audit_message(audit, AUDIT_NAME(1 + i / QUEUED, 1 + i % QUEUED)).size <= SMALL;
	} while (!small);
}

static void set_limit(unsigned char *queue)
{
	memcpy(queue + offsetof(struct smq_identity, messages_max), &limit, sizeof limit);
}

static void pass(bool shared, bool limited)
{
	step_shared = shared;
	limit = limited ? LIMIT : 0;
	set_limit(original);
	set_limit(copy);
	choose_seed();
	for (size_t i = 0; i < STEP_ACTS && audit->violations == 0; i++) {
		uint64_t instructions = judge_each_state(&step_acts[i]), killed;
		/* The time that is left is divided among the acts that are left. */
		int64_t now = stress_now(), acts = (int64_t)(STEP_ACTS - i) + (3 - shared - 2 * limited) * STEP_ACTS;
		int64_t until = now + (stress.end - now) / acts;

		killed = kill_at_many(&step_acts[i], instructions, until);
		printf("%s%s%s: %" PRIu64 " instructions, killed after %" PRIu64 " of them\n",
		       limited ? "limited, " : "", shared ? "shared, " : "", step_acts[i].what, instructions, killed);
		fflush(stdout);
	}
}

/* Makes a queue of one page and maps its file. */
static unsigned char *make_queue(const char *name)
{
	void *map;

	shmemq_close(stress_open(name, SHMEMQ_OBSERVER, 1, audit->alignment));
	map = stress_map(name, bytes);
	if (map == NULL)
		stress_fail("map");
	return map;
}

int main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!tracee_may_step())
		return STRESS_SKIP;
	stress_begin(&stress, "step_kill", 4);
	snprintf(copy_name, sizeof copy_name, "%scopy", stress.name);
	bytes = 2 * page;
	audit = stress_shared(sizeof *audit);
	audit->alignment = 8u << traffic_random(&stress.random) % 5;
	original = make_queue(stress.name);
	copy = make_queue(copy_name);
	if ((buffer = malloc(page)) == NULL || (last = malloc(bytes)) == NULL || (first = malloc(bytes)) == NULL)
		stress_fail("memory");
	audit->message_max = (uint32_t)page - audit->alignment - 8;
	step_queue = stress.name;
	step_victim.audit = audit;
	step_victim.buffer = buffer;
	do {
		for (int i = 0; i < 4; i++)
			pass(i & 1, i & 2);
	} while (!stress_over(&stress) && audit->violations == 0);
	return stress_end(&stress, audit->violations, "%" PRIu64 " states judged, %" PRIu64 " kills", states, kills);
}
