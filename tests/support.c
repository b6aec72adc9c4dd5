/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define PEER_ARGUMENTS_MAX 16

/* "shmemq-test-PID-", of the process that runs the suite. */
static char prefix[sizeof "shmemq-test--" + 3 * sizeof(pid_t)];
static pid_t runner;

static void remove_queues(void)
{
	char path[sizeof "/dev/shm/" + NAME_MAX];
	struct dirent *entry;
	DIR *dir;

	if (getpid() != runner || (dir = opendir("/dev/shm")) == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			snprintf(path, sizeof path, "/dev/shm/%s", entry->d_name);
			unlink(path);
		}
	}
	closedir(dir);
}

/* In a child that has forked nothing but the suite: a suite that hangs ends too. */
static pid_t start_watchdog(unsigned seconds)
{
	pid_t watched = getpid(), dog = fork();

	if (dog != 0)
		return dog;
	/* Out of the group that it may have to end. */
	setpgid(0, 0);
	for (unsigned i = 0; i < seconds; i++) {
		sleep(1);
		if (getppid() != watched)
			_exit(0);
	}
	fprintf(stderr, "watchdog: over %u s, ending the suite\n", seconds);
	kill(-watched, SIGKILL);
	kill(watched, SIGKILL);
	_exit(1);
}

static void on_signal(int number)
{
	remove_queues();
	signal(number, SIG_DFL);
	raise(number);
}

int test_run(Suite *suite, unsigned seconds)
{
	SRunner *check = srunner_create(suite);
	pid_t dog;
	int failed;

	setpgid(0, 0);
	runner = getpid();
	snprintf(prefix, sizeof prefix, "shmemq-test-%ld-", (long)runner);
	atexit(remove_queues);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	dog = start_watchdog(seconds);
	srunner_set_fork_status(check, CK_FORK);
	srunner_run_all(check, CK_ENV);
	failed = srunner_ntests_failed(check);
	srunner_free(check);
	kill(dog, SIGKILL);
	waitpid(dog, NULL, 0);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

const char *test_name(void)
{
	static char names[64][NAME_MAX];
	static unsigned count;
	char *name = names[count % 64];

	snprintf(name, NAME_MAX, "/%s%ld-%u", prefix, (long)getpid(), count++);
	return name;
}

struct shmemq *test_open(const char *name, unsigned flags, uint64_t capacity)
{
	struct shmemq_attr attr = { .capacity = capacity };
	struct shmemq *q = shmemq_open(name, flags, 0600, &attr);

	ck_assert_msg(q != NULL, "shmemq_open(%s, %#x): %s", name, flags, strerror(errno));
	return q;
}

pid_t test_peer(const char *argument, ...)
{
	const char *argv[PEER_ARGUMENTS_MAX + 2] = { "peer" };
	int argc = 1;
	va_list list;
	pid_t pid;

	va_start(list, argument);
	for (; argument != NULL && argc <= PEER_ARGUMENTS_MAX; argument = va_arg(list, const char *))
		argv[argc++] = argument;
	va_end(list);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		execv(TEST_PEER, (char **)argv);
		_exit(127);
	}
	return pid;
}

int test_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t test_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t test_cpu(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void test_sleep(int64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}
