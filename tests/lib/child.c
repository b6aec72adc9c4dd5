/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "child.h"
#include "coverage.h"
#include "support.h"

#define NOBODY 65534

pid_t child_start(int (*body)(const void *argument), const void *argument)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		coverage_exit(body(argument)); /* not exit(): its handlers are the parent's */
	return pid;
}

void child_run(int (*body)(const void *argument), const void *argument)
{
	int status = test_wait(child_start(body, argument));

	if (status == CHILD_SKIP)
		fprintf(stderr, "skipped: not permitted here\n");
	else
		ck_assert_int_eq(status, 0);
}

pid_t child_hold(const char *name, const char *end)
{
	int line[2], saved = fcntl(1, F_DUPFD_CLOEXEC, 0);
	char text[5];
	pid_t pid;

	ck_assert(saved >= 0 && pipe2(line, O_CLOEXEC) == 0);
	ck_assert_int_eq(dup2(line[1], 1), 1);
	pid = test_peer("hold", name, end, (char *)NULL);
	ck_assert_int_eq(dup2(saved, 1), 1);
	close(saved);
	close(line[1]);
	ck_assert_int_eq(read(line[0], text, sizeof text), (ssize_t)sizeof text);
	close(line[0]);
	return pid;
}

void child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(test_wait(pid), 128 + SIGKILL);
}

void *child_shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert(memory != MAP_FAILED);
	return memory;
}

void child_limit(int resource, rlim_t value)
{
	struct rlimit both;

	CHECK(getrlimit(resource, &both) == 0);
	both.rlim_cur = value;
	CHECK(setrlimit(resource, &both) == 0);
}

bool child_can_map(size_t bytes)
{
	return mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

void child_drop_root(void)
{
	if (geteuid() == 0)
		CHECK(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
		      setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written;

	if (fd < 0)
		return false;
	written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return written;
}

/* As root, or else as the root of a user namespace in which this user keeps its id. */
static bool own_namespaces(int flags)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (unshare(flags) == 0)
		return true;
	if (unshare(flags | CLONE_NEWUSER) != 0)
		return false;
	snprintf(map, sizeof map, "%u %u 1", uid, uid);
	if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof map, "%u %u 1", gid, gid);
	return write_file("/proc/self/gid_map", map);
}

static bool own_mounts(void)
{
	return own_namespaces(CLONE_NEWNS) && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool child_own_shm(const char *options)
{
	return own_mounts() && mount("tmpfs", "/dev/shm", "tmpfs", 0, options) == 0;
}

bool child_hide_proc(void)
{
	return own_mounts() && mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0;
}

bool child_bind_shm(const char *source)
{
	return own_mounts() && mount(source, "/dev/shm", NULL, MS_BIND | MS_REC, NULL) == 0;
}

bool child_shm_is_empty(void)
{
	DIR *dir = opendir("/dev/shm");
	unsigned entries = 0;
	struct statvfs fs;

	CHECK(dir != NULL && statvfs("/dev/shm", &fs) == 0);
	while (readdir(dir) != NULL)
		entries++;
	closedir(dir);
	return entries == 2 && fs.f_bfree == fs.f_blocks;
}

bool child_own_pids(void)
{
	return own_namespaces(CLONE_NEWPID);
}

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

bool child_own_clock(void)
{
	return own_namespaces(CLONE_NEWTIME) && write_file("/proc/self/timens_offsets", "monotonic 1000000 0\n");
}
