/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "side.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A repetition that takes longer than twice its time and this many seconds is taken to hang, in an emulator too. */
#define TIMEOUT_S 60

static uint64_t cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000 +
	       ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}

static void limit_lifetime(double seconds)
{
	signal(SIGALRM, SIG_DFL);
	alarm((unsigned)(2 * seconds) + TIMEOUT_S);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* strace is not an ancestor */
}

void pin(int cpu)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	while (tasks != NULL && (task = readdir(tasks)) != NULL) {
		if (task->d_name[0] != '.' && sched_setaffinity(atoi(task->d_name), sizeof set, &set) != 0)
			die("sched_setaffinity");
	}
	if (tasks == NULL || closedir(tasks) != 0)
		die("/proc/self/task");
}

/* In a round trip, the second channel leads the other way. */
static enum side side_of(const struct repetition *repetition, unsigned i, enum side side)
{
	return is_ping_pong(repetition->trial) && i == 1 ? (enum side) !side : side;
}

/* The messages that fill a ring, or a few more: what a contender adds to each is not known here. */
static uint64_t lap(const struct trial *trial)
{
	return trial->capacity / trial->size;
}

void run_side(const struct repetition *repetition, unsigned child)
{
	const struct contender *contender = repetition->contender;
	struct control *control = repetition->control;
	unsigned readers = repetition->trial->readers;
	unsigned follower = child - sides_of(repetition->trial);
	enum side side = child < repetition->trial->producers  ? PRODUCER
			 : child < sides_of(repetition->trial) ? CONSUMER
							       : FOLLOWER;
	struct job job = { .channels = repetition->channels,
			   .count = repetition->count,
			   .size = repetition->trial->size,
			   .naps = repetition->trial->kind == WAKE,
			   .trips = repetition->trial->kind == PREFAULT ? lap(repetition->trial) : 0,
			   .producers = repetition->trial->producers,
			   .producer = child,
			   .reader = side == CONSUMER && readers != 0 ? child - repetition->trial->producers : 0,
			   .control = control };
	uint64_t cpu;

	limit_lifetime(repetition->seconds);
	/* A contender that counts its processors at open must find one only if both sides share it. */
	if (repetition->channels[0].one_cpu)
		pin(bench_cpus[CONSUMER]);
	for (unsigned i = 0; i < repetition->count && contender->open != NULL; i++) {
		repetition->channels[i].reader = job.reader;
		contender->open(&repetition->channels[i], side_of(repetition, i, side));
	}
	if (!repetition->channels[0].one_cpu)
		pin(bench_cpus[side == FOLLOWER ? follower % 2 : side]);
	atomic_fetch_add(&control->ready, 1);
	while (phase_of(control) == WAIT)
		sleep_ns(POLL_NS);
	cpu = cpu_ns();
	if (is_ping_pong(repetition->trial))
		(side == PRODUCER ? contender->ping : contender->pong)(&job);
	else
		(side == PRODUCER   ? contender->produce
		 : side == FOLLOWER ? contender->follow
				    : contender->consume)(&job);
	control->cpu_ns[child] = cpu_ns() - cpu;
	/* All children close together: ZeroMQ loses messages that have not arrived when the sending process ends. */
	atomic_fetch_add(&control->done, 1);
	while (atomic_load(&control->done) != (int)children_of(repetition))
		sleep_ns(POLL_NS);
	for (unsigned i = 0; i < repetition->count && contender->close != NULL; i++)
		contender->close(&repetition->channels[i], side_of(repetition, i, side));
	_exit(0);
}
