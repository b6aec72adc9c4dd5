/* SPDX-License-Identifier: MIT */
/* shmemq bench: starts the second process and measures every case in every round. */
#include "config.h"

#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "progress.h"
#include "report.h"

#define STREAM          0
#define ORDERS          1
#define QUEUES          2
#define ORDERS_CAPACITY 65536
#define SLICE_NS        100000000

struct names {
	char of[QUEUES][64];
};

static const int signals[] = { SIGHUP, SIGINT, SIGTERM };

/*
 * The queues have names until both processes have opened them, and signals are blocked that long: whatever ends this
 * process, it leaves nothing in /dev/shm.
 */

static void hold_signals(sigset_t *held)
{
	sigemptyset(held);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaddset(held, signals[i]);
	sigprocmask(SIG_BLOCK, held, NULL);
}

static bool signal_pending(const sigset_t *held)
{
	sigset_t pending;

	sigpending(&pending);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		if (sigismember(held, signals[i]) && sigismember(&pending, signals[i]))
			return true;
	}
	return false;
}

static int make_queues(struct names *names, uint64_t capacity)
{
	const unsigned flags = SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL;
	struct shmemq_attr attrs[QUEUES] = { { .capacity = capacity }, { .capacity = ORDERS_CAPACITY } };

	for (int i = 0; i < QUEUES; i++) {
		struct shmemq *q;

		snprintf(names->of[i], sizeof names->of[i], "/shmemq-bench-%ld-%llx-%d", (long)getpid(),
			 (unsigned long long)bench_now(), i);
		q = shmemq_open(names->of[i], flags, 0600, &attrs[i]);
		if (q == NULL) {
			int err = errno;

			if (i == ORDERS)
				shmemq_unlink(names->of[STREAM]);
			return report_queue(names->of[i], flags, err);
		}
		shmemq_close(q);
	}
	return 0;
}

static void remove_names(const struct names *names)
{
	for (int i = 0; i < QUEUES; i++)
		shmemq_unlink(names->of[i]);
}

static int open_ends(struct bench_ends *ends, const struct names *names, bool parent)
{
	const unsigned stream = parent ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER;
	const unsigned orders = parent ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER;

	ends->stream = shmemq_open(names->of[STREAM], stream, 0, NULL);
	if (ends->stream == NULL)
		return report_queue(names->of[STREAM], stream, errno);
	ends->orders = shmemq_open(names->of[ORDERS], orders, 0, NULL);
	if (ends->orders == NULL)
		return report_queue(names->of[ORDERS], orders, errno);
	return 0;
}

static int report_bench(int err)
{
	switch (err) {
	case EPIPE:
	case EOWNERDEAD:
		return report("bench", "the other process has ended");
	case ETIMEDOUT:
		return report("bench", "the other process has not answered for %d seconds", BENCH_STUCK_S);
	case EILSEQ:
		return report("bench", "a message arrived that is not the one that was sent");
	default:
		return report("bench", "%s", strerror(err));
	}
}

/* Binds the process after it has opened its ends: a handle opened on a single CPU would not spin at first. */
static void bind_to(int *cpu)
{
	if (*cpu >= 0 && !bench_bind(*cpu))
		*cpu = -1;
}

/* The signals stay blocked here: they end the parent, and PR_SET_PDEATHSIG then ends the child. */
static _Noreturn void run_child(const struct names *names, pid_t parent, int cpu)
{
	struct bench_ends ends;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || open_ends(&ends, names, false) != 0)
		_exit(STATUS_FAILED);
	bind_to(&cpu);
	/* This message tells the parent that the ends are open, so that it may remove the names. */
	err = shmemq_push(ends.stream, &cpu, sizeof cpu, 0) == 0 ? bench_serve(&ends) : errno;
	if (err != EPIPE && err != EOWNERDEAD)
		report_bench(err);
	_exit(STATUS_FAILED);
}

/*
 * Has the child ended? A pop waits for an end that was never claimed, so only the kernel can tell that the child will
 * never claim it. Leaves the child a zombie.
 */
static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

static int await_child(const struct bench_ends *ends, struct bench *bench, const sigset_t *held, pid_t pid)
{
	int64_t end = bench_now() + BENCH_STUCK_NS;

	while (shmemq_timedpop(ends->stream, &bench->cpus[1], sizeof bench->cpus[1], NULL, SLICE_NS) < 0) {
		if (errno != ETIMEDOUT && errno != EINTR)
			return report_bench(errno);
		/* The signal ends this process as soon as the names are removed and it is unblocked. */
		if (signal_pending(held))
			return STATUS_FAILED;
		if (has_ended(pid))
			return report_bench(EOWNERDEAD);
		if (bench_now() > end)
			return report_bench(ETIMEDOUT);
	}
	return 0;
}

static void list_cases(struct bench *bench, uint64_t message_max)
{
	static const uint32_t sizes[BENCH_SIZES] = { 8, 64, 256, 1024, 4096, BENCH_SIZE_MAX };
	struct bench_case *c = bench->cases;

	for (size_t i = 0; i < BENCH_SIZES; i++) {
		*c++ = (struct bench_case){ .kind = BENCH_COPY, .size = sizes[i] };
		*c++ = (struct bench_case){ .kind = BENCH_IN_PLACE, .size = sizes[i] };
	}
	for (size_t i = 0; i < BENCH_TRIPS; i++)
		*c++ = (struct bench_case){ .kind = BENCH_ROUND_TRIP, .size = sizes[i] };
	*c = (struct bench_case){ .kind = BENCH_WAKE_UP, .size = sizes[0] };
	for (size_t i = 0; i < BENCH_CASES; i++)
		bench->cases[i].fits = bench->cases[i].size <= message_max;
}

/* Each round measures every case, so that what else the machine does for a while affects all of them alike. */
static int measure(struct bench *bench, const struct bench_ends *ends)
{
	int64_t ns = bench->ns / (BENCH_ROUNDS * BENCH_CASES);
	double figures[BENCH_FIGURES] = { 0 };

	progress_start();
	for (size_t round = 0; round < BENCH_ROUNDS; round++) {
		for (struct bench_case *c = bench->cases; c < bench->cases + BENCH_CASES; c++) {
			int err;

			bench_show_stage(c, round);
			err = c->fits ? bench_measure(ends, c, ns, figures) : 0;
			if (err != 0)
				return report_bench(err);
			for (size_t i = 0; i < BENCH_FIGURES; i++)
				c->rounds[i][round] = figures[i];
		}
	}
	progress_erase();
	for (struct bench_case *c = bench->cases; c < bench->cases + BENCH_CASES; c++) {
		for (size_t i = 0; i < BENCH_FIGURES; i++)
			c->figures[i] = bench_median(c->rounds[i], BENCH_ROUNDS);
	}
	return 0;
}

/* The parent, with the child `pid`. When it returns, the names are removed and the signals `held` unblocked. */
static int run_parent(struct bench *bench, const struct names *names, const sigset_t *held, pid_t pid, bool json)
{
	struct bench_ends ends = { NULL, NULL };
	struct shmemq_attr attr = { 0 };
	int status = open_ends(&ends, names, true);

	if (status == 0)
		status = await_child(&ends, bench, held, pid);
	remove_names(names);
	sigprocmask(SIG_UNBLOCK, held, NULL);
	if (status != 0)
		return status;
	bind_to(&bench->cpus[0]);
	shmemq_getattr(ends.stream, &attr);
	bench->capacity = attr.capacity;
	list_cases(bench, attr.message_max);
	if (!json)
		bench_show_header(bench);
	status = measure(bench, &ends);
	shmemq_close(ends.stream);
	shmemq_close(ends.orders);
	return status;
}

int run_bench(const struct options *options, char **names, int count)
{
	static struct bench bench;
	struct names queues;
	sigset_t held;
	pid_t parent = getpid(), pid;
	int status;

	(void)names;
	(void)count;
	bench.ns = options->seconds;
	bench_choose_cpus(bench.cpus);
	hold_signals(&held);
	status = make_queues(&queues, options->capacity);
	if (status != 0)
		return status;
	pid = fork();
	if (pid == 0)
		run_child(&queues, parent, bench.cpus[1]);
	if (pid < 0) {
		status = report("bench", "cannot start the other process: %s", strerror(errno));
		remove_names(&queues);
		return status;
	}
	status = run_parent(&bench, &queues, &held, pid, given(options, OPTION_JSON));
	/* The child has nothing to save, and may be stuck. */
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		return status;
	(given(options, OPTION_JSON) ? bench_show_json : bench_show_table)(&bench);
	return finish_output();
}
