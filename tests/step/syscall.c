/* SPDX-License-Identifier: MIT */
/*
 * Each system call of a create, open, close and unlink is disturbed.
 *
 * The process is killed before and after it: what is left bears its name and is whole, or is not there at all. Its
 * ends are free, its messages in place, and nothing else is in /dev/shm.
 *
 * The system call fails, for each reason that the kernel may have: the library's call succeeds, or fails with an errno
 * that the manual has for it; it leaves nothing behind, in the process or in /dev/shm; and it works when it is tried
 * again.
 */
#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "coverage.h"
#include "file.h"
#include "suite.h"
#include "syscall_act.h"
#include "tracee.h"

#define STOPS_MAX   1000
#define STOPS_LEAST 5 /* each act makes system calls */
#define CALLS_MAX   200

/* What 32-bit machines, and newer ones, call instead. */
#if defined SYS_fcntl64
#define NUMBER_FCNTL SYS_fcntl64
#else
#define NUMBER_FCNTL SYS_fcntl
#endif
#if defined SYS_mmap2
#define NUMBER_MMAP SYS_mmap2
#else
#define NUMBER_MMAP SYS_mmap
#endif
#if defined SYS_unlink
#define NUMBER_UNLINK SYS_unlink
#else
#define NUMBER_UNLINK SYS_unlinkat
#endif

/* Why a system call may fail: 0 ends the list. The others do not fail, or the library ignores their failure. */
static const struct {
	long number;
	int errs[10];
} reasons[] = {
	{ SYS_openat, { EACCES, EMFILE, ENFILE, ENOMEM, EPERM, EROFS } },
	{ NUMBER_FCNTL, { ENOLCK } },
	{ SYS_memfd_create, { EINVAL, EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM } },
	{ NUMBER_MMAP, { ENOMEM, EAGAIN, EACCES, EINVAL } },
	{ SYS_madvise, { ENOMEM, EINVAL } },
	{ SYS_fallocate, { EINTR, ENOSPC, EDQUOT, EFBIG, EINVAL, ENODEV, ENOSYS, EOPNOTSUPP, EPERM } },
	{ SYS_linkat, { EEXIST, ENOENT, EPERM, ENOSPC, ENOMEM } },
	{ SYS_pread64, { EIO } },
	{ SYS_membarrier, { ENOSYS } },
	{ SYS_epoll_create1, { EMFILE, ENFILE, ENOMEM, ENOSYS } },
	{ SYS_epoll_ctl, { ENOMEM, ENOSPC } },
	{ SYS_inotify_init1, { EMFILE, ENFILE, ENOMEM, ENOSYS } },
	{ SYS_inotify_add_watch, { EACCES, ENOENT, ENOMEM, ENOSPC } },
	{ SYS_timerfd_create, { EMFILE, ENFILE, ENOMEM, ENOSYS } },
	{ SYS_sched_getaffinity, { EINVAL } },
	{ NUMBER_UNLINK, { EACCES, EPERM, EBUSY, EROFS } },
};

static bool own_shm; /* this process has a /dev/shm of its own */
static unsigned descriptors;
static _Atomic bool *acted; /* shared with the victim: it has run the act, and its further system calls do not count */

static void begin(const void *name)
{
	act_queue = name;
	own_shm = child_own_shm("size=8m");
	acted = child_shared(sizeof *acted);
}

static int prepare(void *unused)
{
	(void)unused;
	if (act->prepare != NULL && act->prepare() != 0)
		return 1;
	descriptors = file_descriptors();
	return 0;
}

/* A process of its own, stopped before the act. */
static struct tracee start_victim(int (*run)(void *))
{
	struct tracee victim;

	*acted = false;
	act_make_queue();
	CHECK(tracee_start(&victim, prepare, run, NULL));
	return victim;
}

/* In a process of its own, so that this one never opens a queue, and each victim does what a first open does. */
static void check_left(void)
{
	int status;

	if (fork() == 0) {
		act_check_left();
		if (own_shm)
			act_check_empty();
		_exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
}

static int run(void *unused)
{
	(void)unused;
	return act->run();
}

/* Kills at stop 0, 1, ... until a victim gets through. */
static int kill_at_each_stop(const void *name)
{
	unsigned stops, absent = 0;
	struct tracee victim;

	begin(name);
	for (stops = 0;; stops++) {
		CHECK(stops < STOPS_MAX);
		victim = start_victim(run);
		if (tracee_kill_at(&victim, PTRACE_SYSCALL, stops) < stops)
			break;
		CHECK(WIFSIGNALED(victim.status) && WTERMSIG(victim.status) == SIGKILL);
		absent += !file_exists(act_queue);
		check_left();
	}
	CHECK(WIFEXITED(victim.status) && WEXITSTATUS(victim.status) == 0); /* not killed, the act succeeds */
	printf("%s: %u kills, %u left no name%s\n", act->what, stops, absent,
	       own_shm ? "" : " (a /dev/shm of its own is not permitted here: only the name was looked at)");
	fflush(stdout);
	return stops < STOPS_LEAST;
}

/* One of its system calls fails; not when it is tried again. */
static int run_and_try_again(void)
{
	if (act->run() == 0)
		return 0;
	CHECK(act_documented(errno));
	CHECK(act->exists || !file_exists(act_queue));
	if (act->once)
		return 0;
	CHECK(file_descriptors() == descriptors);
	CHECK(act->run() == 0);
	return 0;
}

static int run_and_count(void *unused)
{
	int failed = run_and_try_again();

	(void)unused;
	*acted = true;
	coverage_exit(failed);
}

/* The i-th reason for the call to fail, 0 if there are no more. */
static int reason(long number, size_t i)
{
	for (size_t j = 0; j < sizeof reasons / sizeof reasons[0]; j++) {
		if (reasons[j].number == number)
			return i < sizeof reasons[j].errs / sizeof reasons[j].errs[0] ? reasons[j].errs[i] : 0;
	}
	return 0;
}

enum outcome { FAILED, NO_SUCH_REASON, NO_SUCH_CALL };

/* Has the n-th system call fail for its i-th reason. */
static enum outcome fail_call(uint64_t n, size_t i)
{
	struct tracee victim = start_victim(run_and_count);
	long number = tracee_to_call(&victim, n);
	bool there = number >= 0 && !*acted;
	int err = there ? reason(number, i) : 0;

	if (err != 0)
		tracee_fail_call(&victim, err);
	if (number >= 0)
		tracee_finish(&victim);
	if (!WIFEXITED(victim.status) || WEXITSTATUS(victim.status) != 0) {
		fprintf(stderr, "%s: after system call %" PRIu64 " (number %ld) failed with %s\n", act->what, n, number,
			strerror(err));
		_exit(1);
	}
	check_left();
	return err != 0 ? FAILED : there ? NO_SUCH_REASON : NO_SUCH_CALL;
}

static int fail_each_call(const void *name)
{
	enum outcome outcome = FAILED;
	unsigned failures = 0;

	begin(name);
	for (uint64_t n = 0; outcome != NO_SUCH_CALL; n++) {
		CHECK(n < CALLS_MAX);
		for (size_t i = 0; (outcome = fail_call(n, i)) == FAILED; i++)
			failures++;
	}
	printf("%s: %u failures\n", act->what, failures);
	fflush(stdout);
	return failures == 0;
}

static void disturb(int number, int (*how)(const void *name))
{
	act = &syscall_acts[number];
	if (!act->polls || needs_missing(NEEDS_POLLFD) == NULL)
		child_run(how, test_name());
}

TEST(killed_at_each_system_call)
{
	disturb(_i, kill_at_each_stop);
}

TEST(each_system_call_fails)
{
	if (!tracee_fails_calls()) {
		puts("skipped: each_system_call_fails: ptrace(2) does not let a call fail on this machine");
		return;
	}
	disturb(_i, fail_each_call);
}

const struct suite suite = {
	.name = "step/syscall",
	.seconds = 600,
	.test_seconds = 60,
	.needs = NEEDS_PROC | NEEDS_PTRACE,
	.tests = {
		{ killed_at_each_system_call, SYSCALL_ACTS, 0 },
		{ each_system_call_fails, SYSCALL_ACTS, NEEDS_NO_CALLS | NEEDS_NO_MAPPINGS },
	},
};
