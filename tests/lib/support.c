/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define PEER_ARGUMENTS_MAX 16

/* "shmemq-test-PID-", of the program's first process. */
static char prefix[sizeof "shmemq-test--" + 3 * sizeof(pid_t)];
static volatile sig_atomic_t end_signal;

static void remove_queues(void)
{
	char path[sizeof "/dev/shm/" + NAME_MAX];
	DIR *dir = opendir("/dev/shm");
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			snprintf(path, sizeof path, "/dev/shm/%s", entry->d_name);
			unlink(path);
		}
	}
	closedir(dir);
}

static void on_signal(int number)
{
	end_signal = number;
}

/* Without SA_RESTART: they end the wait for the suite. */
static void catch_signals(void (*handler)(int))
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGALRM };
	struct sigaction action = { .sa_handler = handler };

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaction(numbers[i], &action, NULL);
}

static int run_suite(SRunner *check)
{
	int failed;

	srunner_set_fork_status(check, CK_FORK);
	srunner_run_all(check, CK_ENV);
	failed = srunner_ntests_failed(check);
	srunner_free(check);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Waits for the suite, which a signal or the alarm ends: SIGTERM at first, so that Check ends the running test. */
static int watch(pid_t runner, unsigned seconds)
{
	int status, ending = SIGTERM;

	alarm(seconds);
	while (waitpid(runner, &status, 0) < 0) {
		if (end_signal == 0)
			continue;
		fprintf(stderr, "%s: ending the suite\n",
			end_signal == SIGALRM ? "no time left" : strsignal(end_signal));
		kill(-runner, ending);
		ending = SIGKILL;
		alarm(1);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int test_run(Suite *suite, unsigned seconds)
{
	SRunner *check = srunner_create(suite);
	pid_t watcher = getpid(), runner;
	int status;

	snprintf(prefix, sizeof prefix, "shmemq-test-%ld-", (long)watcher);
	fflush(NULL);
	catch_signals(on_signal);
	runner = fork();
	if (runner == 0) {
		catch_signals(SIG_DFL);
		/* Check sends signals to its process group, which must not be make's. */
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		exit(getppid() == watcher ? run_suite(check) : EXIT_FAILURE);
	}
	status = runner > 0 ? watch(runner, seconds) : EXIT_FAILURE;
	srunner_free(check);
	remove_queues();
	return status;
}

const char *test_name(void)
{
	static char names[64][NAME_MAX];
	static unsigned count;
	char *name = names[count % 64];

	snprintf(name, NAME_MAX, "/%s%ld-%u", prefix, (long)getpid(), count++);
	return name;
}

uint64_t test_seed(void)
{
	const char *given = getenv("TEST_SEED");
	uint64_t seed;

	seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)test_now() * 2654435761u ^ (uint64_t)getpid();
	printf("TEST_SEED=%" PRIu64 "\n", seed);
	fflush(stdout);
	return seed;
}

struct shmemq *test_open(const char *name, unsigned flags, uint64_t capacity)
{
	return test_open_aligned(name, flags, capacity, 0);
}

struct shmemq *test_open_aligned(const char *name, unsigned flags, uint64_t capacity, uint32_t alignment)
{
	struct shmemq_attr attr = { .capacity = capacity, .alignment = alignment };
	struct shmemq *q = shmemq_open(name, flags, 0600, &attr);

	ck_assert_msg(q != NULL, "shmemq_open(%s, %#x): %s", name, flags, strerror(errno));
	return q;
}

struct shmemq *test_fdopen(int fd, unsigned flags)
{
	struct shmemq *q = shmemq_fdopen(fd, flags);

	ck_assert_msg(q != NULL, "fdopen: %s", strerror(errno));
	return q;
}

int test_memfd(uint64_t capacity)
{
	struct shmemq_attr attr = { .capacity = capacity };
	int fd = shmemq_memfd(&attr);

	ck_assert_msg(fd >= 0, "memfd: %s", strerror(errno));
	return fd;
}

struct shmemq *test_create(const char *name, uint64_t capacity)
{
	struct shmemq_attr attr = { .capacity = capacity };

	return shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
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

int64_t test_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void test_sleep(int64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}
