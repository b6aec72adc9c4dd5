/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "coverage.h"
#include "stress.h"
#include "traffic.h"

#define OPEN_NS (60 * STRESS_S)

static volatile sig_atomic_t ending;
static const char *program;
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

/* The files, not shmemq_unlink(): they may not be queues any more. */
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

void stress_begin(struct stress *stress, const char *name, double seconds)
{
	const char *seed = getenv("TEST_SEED");
	struct sigaction action = { .sa_handler = on_signal };

	program = name;
	*stress = (struct stress){ .start = stress_now() };
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

int stress_end(const struct stress *stress, unsigned long violations, const char *counts, ...)
{
	va_list list;

	printf("%s: seed %" PRIu64 ", %.1f s: ", program, stress->seed,
	       (double)(stress_now() - stress->start) / (double)STRESS_S);
	va_start(list, counts);
	vprintf(counts, list);
	va_end(list);
	printf(", %lu violations\n", violations);
	return violations != 0;
}

void stress_fail(const char *format, ...)
{
	int err = errno;
	va_list list;

	fprintf(stderr, "%s: ", program);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "%s%s\n", err != 0 ? ": " : "", err != 0 ? strerror(err) : "");
	if (getpid() == owner)
		exit(1);
	coverage_exit(1);
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

void *stress_shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		stress_fail("no shared memory");
	return memory;
}

pid_t stress_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		stress_fail("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static const char *path_of(const char *name)
{
	static char path[sizeof "/dev/shm" + NAME_MAX];

	snprintf(path, sizeof path, "/dev/shm%s", name);
	return path;
}

void *stress_map(const char *name, size_t bytes)
{
	int fd = open(path_of(name), O_RDWR | O_CLOEXEC);
	void *map;

	if (fd < 0)
		return NULL;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

void stress_remove(const char *name)
{
	unlink(path_of(name));
}

uint64_t stress_capacity_max;

struct shmemq *stress_open(const char *name, unsigned flags, uint64_t capacity, uint32_t alignment)
{
	struct shmemq_attr attr = { .capacity = capacity, .capacity_max = stress_capacity_max, .alignment = alignment };
	int64_t end = stress_now() + OPEN_NS;
	struct shmemq *q;

	/* ETIMEDOUT: another process is off its processor in its own open or close. */
	do
		q = shmemq_open(name, flags | SHMEMQ_CREATE, 0600, &attr);
	while (q == NULL && errno == ETIMEDOUT && stress_now() < end);
	if (q == NULL)
		stress_fail("open of %s with flags %#x", name, flags);
	return q;
}

uint32_t stress_alignment(uint64_t *random, uint64_t capacity)
{
	uint32_t alignment = 8;

	/* Half of them are the default. */
	if (traffic_random(random) % 2)
		return alignment;
	for (uint64_t steps = traffic_random(random) % 10; steps > 0 && 18 * alignment <= capacity; steps--)
		alignment *= 2;
	return alignment;
}

uint32_t stress_message_max(uint64_t capacity, uint64_t capacity_max, uint32_t alignment)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), in_ring = capacity - alignment;

	if (capacity_max == capacity)
		return (uint32_t)(in_ring - 8);
	capacity_max -= capacity + page;
	return (uint32_t)((in_ring > capacity_max ? in_ring : capacity_max) - alignment - 8);
}

/* Is there what this end waits for, a message or space for one? */
static bool ready(struct shmemq *q, unsigned end, size_t bytes)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;

	shmemq_getattr(q, &attr);
	shmemq_stat(q, &st);
	/* Its header, what rounds it up, and the next header. */
	return end == SHMEMQ_PRODUCER ? st.capacity - st.queued_bytes > bytes + 16 + attr.alignment
				      : st.queued_messages > 0;
}

/* false: not within so many ms, whatever signals arrive. */
static bool readable_within(int fd, int ms)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	int64_t end = stress_now() + ms * STRESS_MS, left;

	while ((left = end - stress_now()) > 0) {
		int count = poll(&readable, 1, (int)(left / STRESS_MS) + 1);

		if (count == 1)
			return true;
		if (count < 0 && errno != EINTR)
			stress_fail("poll");
	}
	return false;
}

void stress_await_readable(struct shmemq *q, unsigned end, int fd, size_t bytes, int late_ms)
{
	/* The peer may be off its processor before it moves a message, or after that and before it raises: hence twice.
	 */
	for (int late = 0; late < 2; late = ready(q, end, bytes) ? late + 1 : 0) {
		if (readable_within(fd, late_ms))
			return;
	}
	errno = 0;
	stress_fail("the descriptor of a %s was not raised", end == SHMEMQ_PRODUCER ? "producer" : "consumer");
}
