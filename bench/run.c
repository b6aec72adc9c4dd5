/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "side.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM_UP_SHARE 0.1

int bench_cpus[2];

static bool make_channels(struct repetition *repetition)
{
	static unsigned serial;
	const struct trial *trial = repetition->trial;

	repetition->count = 0;
	for (unsigned i = 0; i < (is_ping_pong(trial) ? 2 : trial->queues); i++) {
		struct channel *channel = &repetition->channels[i];

		*channel = (struct channel){ .size = trial->size,
					     .capacity = trial->capacity,
					     .spins = trial->kind == ROUND_TRIP || trial->kind == PREFAULT,
					     .sleeps = trial->kind == WAKE,
					     .many_producers = trial->kind == PRODUCERS,
					     .readers = trial->readers,
					     .one_cpu = trial->kind == ONE_CPU || trial->kind == STRANGER ||
							bench_cpus[0] == bench_cpus[1],
					     .at_once = trial->kind == STRANGER };
		snprintf(channel->name, sizeof channel->name, "/shmemq-bench-%ld-%u", (long)getpid(), serial++);
		errno = 0;
		if (!repetition->contender->create(channel))
			return false;
		repetition->count++;
	}
	return true;
}

static void for_channels(const struct repetition *repetition, void (*act)(struct channel *))
{
	for (unsigned i = 0; i < repetition->count && act != NULL; i++)
		act(&repetition->channels[i]);
}

static bool all_ready(const struct repetition *repetition)
{
	return atomic_load(&repetition->control->ready) == (int)children_of(repetition);
}

static bool all_done(const struct repetition *repetition)
{
	return atomic_load(&repetition->control->done) == (int)children_of(repetition);
}

static bool arrived(const struct repetition *repetition)
{
	return atomic_load(&repetition->control->arrived);
}

/* Waits until `reached`. False: a child has ended before. */
static bool wait_until(const struct repetition *repetition, bool (*reached)(const struct repetition *))
{
	siginfo_t info;

	while (!reached(repetition)) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
			return false;
		sleep_ns(POLL_NS);
	}
	return true;
}

void signal_children(const struct repetition *repetition, int number)
{
	for (unsigned i = 0; i < children_of(repetition); i++) {
		if (repetition->children[i] > 0)
			kill(repetition->children[i], number);
	}
}

/* Waits until all children have ended. Once one has failed, the others are killed. */
static bool wait_for_children(struct repetition *repetition)
{
	unsigned children = children_of(repetition), left = children, i;
	bool good = true;
	int status;

	while (left > 0) {
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0)
			return false;
		for (i = 0; i < children && repetition->children[i] != pid; i++)
			;
		if (i == children)
			continue; /* strace has ended early */
		repetition->children[i] = 0;
		left--;
		if (status == 0)
			continue;
		if (good && WIFSIGNALED(status))
			fprintf(stderr, "bench: %s: %s\n", repetition->contender->name,
				WTERMSIG(status) == SIGALRM ? "timed out" : strsignal(WTERMSIG(status)));
		good = false;
		signal_children(repetition, SIGKILL);
	}
	return good;
}

static bool fork_children(struct repetition *repetition, const sigset_t *mask)
{
	fflush(NULL);
	for (unsigned i = 0; i < children_of(repetition); i++) {
		repetition->children[i] = fork();
		if (repetition->children[i] == 0) {
			sigprocmask(SIG_SETMASK, mask, NULL);
			run_side(repetition, i);
		}
		if (repetition->children[i] < 0) {
			perror("fork");
			signal_children(repetition, SIGKILL);
			return false;
		}
	}
	return true;
}

static void set_phase(const struct repetition *repetition, enum phase phase)
{
	atomic_store(&repetition->control->phase, phase);
}

/* Takes the children, which are ready, through the phases. In STRANGER, returns its loss; in other cases 0. */
static double run_phases(const struct repetition *repetition)
{
	double loss = 0;

	if (repetition->trial->kind == PREFAULT) {
		set_phase(repetition, MEASURE);
		wait_until(repetition, all_done); /* the first lap is all that counts, and is over soon */
		return 0;
	}
	set_phase(repetition, WARM_UP);
	wait_until(repetition, arrived);
	sleep_ns((uint64_t)(repetition->seconds * WARM_UP_SHARE * 1e9));
	set_phase(repetition, MEASURE);
	if (repetition->trial->kind == STRANGER)
		loss = stranger_loss(repetition);
	else
		sleep_ns((uint64_t)(repetition->seconds * 1e9));
	set_phase(repetition, STOP);
	return loss;
}

/* The same; returns the number of system calls that the children made meanwhile, or -1 if it is unknown. */
static double run_traced(const struct repetition *repetition)
{
	FILE *summary = tmpfile(); /* without a name, so it can't be left */
	int tracer = -1;
	double calls = -1;

	if (summary != NULL)
		tracer = trace_start(repetition->children, summary);
	run_phases(repetition);
	if (tracer > 0)
		calls = trace_end(tracer, summary);
	if (summary != NULL)
		fclose(summary);
	return calls;
}

/* `counted`: in CALLS system calls, in STRANGER its loss. */
static void evaluate(const struct repetition *repetition, double counted, struct outcome *outcome)
{
	const struct control *control = repetition->control;
	enum kind kind = repetition->trial->kind;
	double total = (double)control->total;
	uint64_t cpu_ns = 0;

	*outcome = (struct outcome){ .value = 0 };
	if (kind == STRANGER) {
		outcome->value = counted;
		return;
	}
	if (is_ping_pong(repetition->trial)) {
		outcome->p99 = quantile(control->latency, 0.99);
		outcome->p999 = quantile(control->latency, 0.999);
		outcome->value = kind == PREFAULT ? outcome->p999 : quantile(control->latency, 0.5);
		return;
	}
	outcome->value = (double)control->messages * 1e9 / (double)control->ns;
	for (unsigned i = kind == FOLLOWERS ? sides_of(repetition->trial) : 0; i < children_of(repetition); i++)
		cpu_ns += control->cpu_ns[i];
	outcome->cpu = (double)cpu_ns / 1e3 / total;
	if (kind == CALLS)
		outcome->value = counted / total;
	else if (kind == TRIES || kind == IDLE || kind == GROWTH)
		outcome->value = (double)control->ns / (double)control->messages;
}

/* Signals that end this process stay blocked while the channels have names, so that no name is left. */
static bool run_blocked(struct repetition *repetition, struct outcome *outcome, const sigset_t *mask, bool *unavailable)
{
	const bool traced = repetition->trial->kind == CALLS;
	double counted = 0;
	bool good = make_channels(repetition);

	*unavailable = !good;
	if (!good) {
		fprintf(stderr, "bench: %s: not available here: %s\n", repetition->contender->name, strerror(errno));
		for_channels(repetition, repetition->contender->unlink);
		return false;
	}
	good = fork_children(repetition, mask) && wait_until(repetition, all_ready);
	for_channels(repetition, repetition->contender->unlink);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (good)
		counted = (traced ? run_traced : run_phases)(repetition);
	good = wait_for_children(repetition) && good;
	for_channels(repetition, repetition->contender->destroy);
	if (!good)
		return false;
	*unavailable = traced && counted < 0;
	if (*unavailable)
		fputs("bench: system calls are not counted: strace is missing or may not trace here\n", stderr);
	else
		evaluate(repetition, counted, outcome);
	return !*unavailable;
}

bool run_once(const struct contender *contender, const struct trial *trial, double seconds, struct outcome *outcome,
	      bool *unavailable)
{
	struct repetition repetition = { .contender = contender, .trial = trial, .seconds = seconds };
	sigset_t ending, mask;
	bool good = false;

	sigemptyset(&ending);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	repetition.control = map_shared(sizeof *repetition.control);
	repetition.channels = calloc(trial->queues < 2 ? 2 : trial->queues, sizeof *repetition.channels);
	if (repetition.control == NULL || repetition.channels == NULL) {
		perror("bench");
		exit(1);
	}
	sigprocmask(SIG_BLOCK, &ending, &mask);
	good = run_blocked(&repetition, outcome, &mask, unavailable);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	free(repetition.channels);
	munmap(repetition.control, sizeof *repetition.control);
	return good;
}
