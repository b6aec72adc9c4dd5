/* SPDX-License-Identifier: MIT */
/*
 * SIGKILL before and after each system call of a create, open, close and unlink. What is left bears its name and is
 * whole, or is not there at all: its ends free, its messages in place, and nothing else in /dev/shm.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "support.h"
#include "syscall_act.h"
#include "tracee.h"

#define ROUNDS_MAX 1000

/* Kills at stop 1, 2, ... until the victim gets through. */
static int kill_at_each_stop(const void *argument)
{
	bool own = child_own_shm("size=8m");
	unsigned stops, absent = 0;
	int status = 0;

	act_queue = argument;
	for (stops = 0;; stops++) {
		pid_t pid;

		CHECK(stops < ROUNDS_MAX);
		act_make_queue();
		pid = tracee_start(act->prepare, act->run, NULL);
		CHECK(pid > 0);
		if (tracee_kill_at(pid, PTRACE_SYSCALL, stops, &status) < stops)
			break;
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		absent += !file_exists(act_queue);
		act_check_left();
		if (own)
			act_check_empty();
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0); /* what is killed half-way above works */
	printf("%s: %u kills, %u left no name%s\n", act->what, stops, absent,
	       own ? "" : " (a /dev/shm of its own is not permitted here: only the name was looked at)");
	fflush(stdout);
	return stops < 5; /* each of these makes system calls */
}

START_TEST(kill_at_each_system_call)
{
	act = &syscall_acts[_i];
	if (act->polls && !test_can_poll())
		return;
	child_run(kill_at_each_stop, test_name());
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
	if (!tracee_permitted(PTRACE_SYSCALL)) {
		printf("skipped: ptrace(2) is not permitted here\n");
		return CHILD_SKIP;
	}
	suite = suite_create("syscall_kill");
	tcase = tcase_create("system calls");
	tcase_add_loop_test(tcase, kill_at_each_system_call, 0, SYSCALL_ACTS);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return test_run(suite, 300);
}
