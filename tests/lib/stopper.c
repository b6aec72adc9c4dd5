/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stopper.h"
#include "support.h"

static bool write_file(const char *group, const char *file, const char *text)
{
	char path[STOPPER_GROUP_BYTES + 32];
	bool written;
	int fd;

	snprintf(path, sizeof path, "%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return written;
}

static bool has_line(const char *group, const char *file, const char *wanted)
{
	char path[STOPPER_GROUP_BYTES + 32], line[64];
	bool found = false;
	FILE *stream;

	snprintf(path, sizeof path, "%s/%s", group, file);
	stream = fopen(path, "re");
	while (stream != NULL && fgets(line, sizeof line, stream) != NULL)
		found |= strcmp(line, wanted) == 0;
	if (stream != NULL)
		fclose(stream);
	return found;
}

/* Where version 2 of the control groups is mounted: beside version 1, or alone. */
static const char *const roots[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };

/* A group of its own that has a freezer. */
static bool make_group(char group[STOPPER_GROUP_BYTES])
{
	const char *name = test_name();

	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		snprintf(group, STOPPER_GROUP_BYTES, "%s%s", roots[i], name);
		if (mkdir(group, 0755) != 0)
			continue;
		if (write_file(group, "cgroup.freeze", "0"))
			return true;
		rmdir(group);
	}
	return false;
}

bool stopper_can(int way)
{
	char group[STOPPER_GROUP_BYTES];
	bool can = way == STOP_BY_SIGNAL || make_group(group);

	if (can && way == STOP_BY_FREEZER)
		rmdir(group);
	if (!can)
		fprintf(stderr, "skipped: no control group with a freezer can be made here\n");
	return can;
}

struct stopper stopper_for(int way, pid_t pid)
{
	struct stopper stopper = { .pid = pid };
	char text[32];

	if (way == STOP_BY_FREEZER) {
		ck_assert(make_group(stopper.group));
		snprintf(text, sizeof text, "%ld", (long)pid);
		ck_assert(write_file(stopper.group, "cgroup.procs", text));
	}
	return stopper;
}

void stopper_stop(const struct stopper *stopper)
{
	int status;

	if (stopper->group[0] == '\0') {
		ck_assert_int_eq(kill(stopper->pid, SIGSTOP), 0);
		ck_assert_int_eq(waitpid(stopper->pid, &status, WUNTRACED), stopper->pid);
		ck_assert(WIFSTOPPED(status));
		return;
	}
	ck_assert(write_file(stopper->group, "cgroup.freeze", "1"));
	while (!has_line(stopper->group, "cgroup.events", "frozen 1\n"))
		test_sleep(MS);
}

void stopper_continue(const struct stopper *stopper)
{
	if (stopper->group[0] == '\0')
		ck_assert_int_eq(kill(stopper->pid, SIGCONT), 0);
	else
		ck_assert(write_file(stopper->group, "cgroup.freeze", "0"));
}

void stopper_end(const struct stopper *stopper)
{
	if (stopper->group[0] != '\0')
		ck_assert_msg(rmdir(stopper->group) == 0, "rmdir %s: %s", stopper->group, strerror(errno));
}

static void remove_group(const char *root, const char *name)
{
	char group[STOPPER_GROUP_BYTES];

	snprintf(group, sizeof group, "%s/%s", root, name);
	write_file(group, "cgroup.kill", "1");
	for (int i = 0; i < 100 && rmdir(group) != 0 && errno == EBUSY; i++)
		test_sleep(10 * MS);
}

void stopper_end_all(void)
{
	char prefix[64];

	snprintf(prefix, sizeof prefix, "shmemq-test-%ld-", (long)getpid());
	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		DIR *dir = opendir(roots[i]);
		struct dirent *entry;

		while (dir != NULL && (entry = readdir(dir)) != NULL) {
			if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
				remove_group(roots[i], entry->d_name);
		}
		if (dir != NULL)
			closedir(dir);
	}
}
