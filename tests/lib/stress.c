/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shmemq.h"
#include "stress.h"
#include "traffic.h"

static volatile sig_atomic_t ending;
static char prefix[sizeof((struct stress *)NULL)->name]; /* outlives the caller's struct: atexit() runs after main */
static pid_t owner;

int64_t stress_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * STRESS_S + ts.tv_nsec;
}

void stress_sleep(int64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / STRESS_S), .tv_nsec = (long)(ns % STRESS_S) };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

static void on_signal(int number)
{
	(void)number;
	ending = 1;
}

/* The files, not shmemq_unlink(): what lies there may not be a queue any more. */
static void remove_files(void)
{
	DIR *dir = getpid() == owner ? opendir("/dev/shm") : NULL;
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

static double number_from(const char *variable, double otherwise)
{
	const char *given = getenv(variable);

	return given != NULL && given[0] != '\0' ? strtod(given, NULL) : otherwise;
}

void stress_begin(struct stress *stress, const char *program, double seconds)
{
	const char *seed = getenv("TEST_SEED");
	struct sigaction action = { .sa_handler = on_signal };

	*stress = (struct stress){ .program = program, .start = stress_now() };
	stress->end = stress->start + (int64_t)(number_from("TEST_SECONDS", seconds) * (double)STRESS_S);
	if (seed != NULL && seed[0] != '\0')
		stress->seed = strtoull(seed, NULL, 0);
	else
		stress->seed = ((uint64_t)stress->start * 2654435761u ^ (uint64_t)getpid()) % 1000000000;
	stress->random = stress->seed;
	snprintf(stress->name, sizeof stress->name, "/shmemq-test-%s-%ld-", program, (long)getpid());
	snprintf(prefix, sizeof prefix, "%s", stress->name + 1);
	owner = getpid();
	atexit(remove_files);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	printf("%s: TEST_SEED=%" PRIu64 "\n", program, stress->seed);
	fflush(stdout);
}

bool stress_over(const struct stress *stress)
{
	return ending || stress_now() >= stress->end;
}

double stress_seconds(const struct stress *stress)
{
	return (double)(stress_now() - stress->start) / (double)STRESS_S;
}

int64_t stress_magnitude(uint64_t *random, int64_t least, int64_t most)
{
	int64_t top = least;

	/* A random number of doublings, then anywhere below. */
	for (uint64_t steps = traffic_random(random) % 64; steps > 0; steps--)
		top = top > most / 2 ? least : 2 * top;
	return least + (int64_t)(traffic_random(random) % (uint64_t)top);
}

const char *stress_status(int status)
{
	static char text[32];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
	return text;
}
