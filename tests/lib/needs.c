/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/membarrier.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "filter.h"
#include "needs.h"
#include "support.h"
#include "tracee.h"

static bool has_proc(void)
{
	return access("/proc/self/fd", F_OK) == 0;
}

static bool has_pollfd(void)
{
	int fd = inotify_init1(IN_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0 && has_proc();
}

/* Is `body` true in a child? */
static bool in_child(bool (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(!body());
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool calls_membarrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0) == 0 &&
	       syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0) == 0;
}

static bool has_membarrier(void)
{
	return in_child(calls_membarrier);
}

static char *page;

static bool page_is_zero(void)
{
	return *page == 0;
}

/* An emulator may accept madvise(2) and do nothing: then nothing that the library promises after a fork holds. */
static bool forks_apart(void)
{
	bool apart;

	page = mmap(NULL, file_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || madvise(page, file_page(), MADV_WIPEONFORK) != 0)
		return false;
	*page = 1;
	apart = in_child(page_is_zero);
	munmap(page, file_page());
	return apart;
}

static int write_to(void *shared)
{
	*(volatile bool *)shared = true;
	return 0;
}

/* An emulator copies it. With CLONE_VFORK this process waits: a sanitizer's state of a thread is shared, too. */
static bool shares_memory(void)
{
	static _Alignas(64) char stack[65536];
	bool shared = false;
	int status;
	pid_t pid;

#ifdef TEST_TSAN
	/* It keeps what the new process begins with on the caller's stack: it crashes once the caller goes on. */
	return false;
#endif
	pid = clone(write_to, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &shared);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && *(volatile bool *)&shared;
}

static bool has_ptrace(void)
{
	return tracee_tells_calls();
}

static bool has_addresses(void)
{
	const uint64_t bytes = (uint64_t)64 << 30;
	void *map = MAP_FAILED;

	if (bytes <= SIZE_MAX)
		map = mmap(NULL, (size_t)bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map != MAP_FAILED)
		munmap(map, (size_t)bytes);
	return map != MAP_FAILED;
}

static bool makes_no_calls(void)
{
	return TEST_QUIET;
}

static bool cancels_threads(void)
{
	return !TEST_SANITIZED;
}

static bool makes_no_mappings(void)
{
	return !TEST_SANITIZED;
}

static bool is_root(void)
{
	return geteuid() == 0;
}

static bool own_shm(void)
{
	return child_own_shm(NULL);
}

static bool has_own_shm(void)
{
	return in_child(own_shm);
}

static bool has_own_pids(void)
{
	return in_child(child_own_pids);
}

static bool has_own_clock(void)
{
	return in_child(child_own_clock);
}

const char *needs_missing(unsigned needs)
{
	static const struct {
		unsigned need;
		bool (*met)(void);
		const char *otherwise;
	} all[] = {
		{ NEEDS_PROC, has_proc, "there is no /proc" },
		{ NEEDS_POLLFD, has_pollfd, "there is no /proc, or no inotify instance left" },
		{ NEEDS_FILTERS, filter_works, "seccomp filters are not permitted" },
		{ NEEDS_MEMBARRIER, has_membarrier, "membarrier(2) does not work" },
		{ NEEDS_FORKS_APART, forks_apart, "MADV_WIPEONFORK has no effect" },
		{ NEEDS_NO_CALLS, makes_no_calls, "the thread sanitizer makes system calls of its own at any time" },
		{ NEEDS_NO_MAPPINGS, makes_no_mappings, "a sanitizer has large mappings of its own" },
		{ NEEDS_CANCELLATION, cancels_threads, "the sanitizers do not follow a thread that is cancelled" },
		{ NEEDS_ROOT, is_root, "this user is not root" },
		{ NEEDS_OWN_SHM, has_own_shm, "a mount namespace with its own /dev/shm is not permitted" },
		{ NEEDS_OWN_PIDS, has_own_pids, "a pid namespace is not permitted" },
		{ NEEDS_OWN_CLOCK, has_own_clock, "a time namespace is not permitted" },
		{ NEEDS_PTRACE, has_ptrace, "ptrace(2) is not permitted, or does not tell system calls" },
		{ NEEDS_SHARED_MEMORY, shares_memory, "clone(2) makes no process that shares this one's memory" },
		{ NEEDS_ADDRESSES, has_addresses, "there are no 64 GiB of addresses" },
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if ((needs & all[i].need) && !all[i].met())
			return all[i].otherwise;
	}
	return NULL;
}
