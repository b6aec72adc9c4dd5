/* SPDX-License-Identifier: MIT */
/*
 * Each system call of a create, open, close and unlink fails, for each reason that the kernel may have. The library's
 * call succeeds, or fails with an errno that the manual has for it; it leaves nothing behind, in the process or in
 * /dev/shm; and it works when it is tried again.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "coverage.h"
#include "file.h"
#include "support.h"
#include "syscall_act.h"
#include "tracee.h"

#define CALLS_MAX 200

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

/* Why a system call may fail: 0 ends the list. The others do not fail, or nobody asks whether they did. */
static const struct {
	long number;
	int errs[10];
} reasons[] = {
	{ SYS_openat, { EACCES, EMFILE, ENFILE, ENOMEM, EPERM, EROFS } },
	{ NUMBER_FCNTL, { ENOLCK } },
	{ SYS_memfd_create, { EINVAL, EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM } },
	{ NUMBER_MMAP, { ENOMEM, EAGAIN, EACCES } },
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

static unsigned descriptors, failures;
static _Atomic bool *acted; /* shared with the victim: what it does from now on is not the library's */

static int prepare(void *unused)
{
	if (act->prepare != NULL && act->prepare(unused) != 0)
		return 1;
	descriptors = file_descriptors();
	return 0;
}

static bool documented(int err)
{
	static const int of_open[] = { EACCES, EBUSY,  EEXIST, EFBIG,      EMFILE, ENFILE,    ENOENT,
				       ENOMEM, ENOSPC, EINVAL, EOPNOTSUPP, EPROTO, ETIMEDOUT, 0 };
	const int *errnos = act->errnos != NULL ? act->errnos : of_open;

	while (*errnos != 0 && *errnos != err)
		errnos++;
	return *errnos != 0;
}

/* One of its system calls fails; not when it is tried again. */
static int run_and_try_again(void *unused)
{
	if (act->run(unused) == 0)
		return 0;
	CHECK(documented(errno));
	CHECK(act->exists || !file_exists(act_queue));
	if (act->once)
		return 0;
	CHECK(file_descriptors() == descriptors);
	CHECK(act->run(unused) == 0);
	return 0;
}

static int run_and_count(void *unused)
{
	int failed = run_and_try_again(unused);

	*acted = true;
	coverage_exit(failed);
	return 1;
}

/* In a process of its own, so that this one never opens a queue, and each victim does what a first open does. */
static void check_left(bool own)
{
	int status;

	if (fork() == 0) {
		act_check_left();
		if (own)
			act_check_empty();
		_exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
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

/* Has the n-th system call fail for its i-th reason. 0: done; 1: there are no more reasons; 2: no more calls. */
static int fail_call(uint64_t n, size_t i, bool own)
{
	int err, status = 0;
	long number;
	bool more;
	pid_t pid;

	*acted = false;
	act_make_queue();
	pid = tracee_start(prepare, run_and_count, NULL);
	CHECK(pid > 0);
	number = tracee_to_call(pid, n, &status);
	more = number >= 0 && !*acted;
	err = more ? reason(number, i) : 0;
	if (err != 0)
		tracee_fail_call(pid, err, &status);
	if (number >= 0)
		tracee_finish(pid, &status);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "%s: system call %ld, the %" PRIu64 ". here, failed with %s\n", act->what, number, n,
			strerror(err));
		_exit(1);
	}
	check_left(own);
	failures += err != 0;
	return err != 0 ? 0 : more ? 1 : 2;
}

static int fail_each_call(const void *name)
{
	bool own = child_own_shm("size=8m");
	int more = 0;

	act_queue = name;
	acted = child_shared(sizeof *acted);
	for (uint64_t n = 0; more != 2; n++) {
		CHECK(n < CALLS_MAX);
		for (size_t i = 0; (more = fail_call(n, i, own)) == 0; i++)
			;
	}
	printf("%s: %u failures\n", act->what, failures);
	fflush(stdout);
	return failures == 0;
}

START_TEST(each_system_call_fails)
{
	act = &syscall_acts[_i];
	if (act->polls && !test_can_poll())
		return;
	child_run(fail_each_call, test_name());
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tcase;

	if (access("/proc/self/fd", F_OK) != 0) {
		printf("skipped: no /proc, by which shmemq_fdopen() claims an end\n");
		return CHILD_SKIP;
	}
	if (TEST_SANITIZED) {
		printf("skipped: the sanitizers make system calls of their own, and end the process if one fails\n");
		return CHILD_SKIP;
	}
	if (!tracee_fails_calls()) {
		printf("skipped: ptrace(2) is not permitted here, or does not let a system call fail on this "
		       "machine\n");
		return CHILD_SKIP;
	}
	suite = suite_create("syscall_fail");
	tcase = tcase_create("system calls");
	tcase_add_loop_test(tcase, each_system_call_fails, 0, SYSCALL_ACTS);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return test_run(suite, 300);
}
