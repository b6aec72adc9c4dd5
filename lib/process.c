/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cancel.h"
#include "descriptor.h"
#include "process.h"

/* To ask about a process: only a sandbox that always says EINTR uses up all. */
#define ATTEMPTS 100

/* The page that a fork wipes: made once, and kept until the process ends. */
struct page {
	smq_word generation;
	smq_word pid_namespace;
};
static struct page *_Atomic process_page;
/* Not in that page: a child continues its parent's count, so their generations differ. */
static smq_word generations;
static smq_word forks;

static void count_fork(void)
{
	atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static struct page *make_page(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct page *page, *other = NULL;

	page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) {
		errno = ENOMEM; /* under mlockall() it says EAGAIN */
		return NULL;
	}
	if (madvise(page, bytes, MADV_WIPEONFORK) != 0) {
		int err = errno == EINVAL ? EINVAL : ENOMEM;

		munmap(page, bytes);
		errno = err;
		return NULL;
	}
	if (atomic_compare_exchange_strong(&process_page, &other, page)) {
		(void)pthread_atfork(count_fork, NULL, NULL); /* ENOMEM: then forks are not counted */
		return page;
	}
	munmap(page, bytes); /* another thread was first */
	return other;
}

static uint32_t find_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino <= UINT32_MAX ? (uint32_t)st.st_ino : 0;
}

const smq_word *smq_process_generation(void)
{
	struct page *page = atomic_load(&process_page);
	uint32_t wiped = 0;

	if (page == NULL && (page = make_page()) == NULL)
		return NULL;
	if (atomic_load(&page->generation) == 0) {
		uint32_t next;

		/* A process never leaves it. Now, because later a sandbox may refuse the system call. */
		atomic_store(&page->pid_namespace, find_pid_namespace());
		do /* 0 means wiped, so a count that wraps skips it */
			next = atomic_fetch_add(&generations, 1) + 1;
		while (next == 0);
		atomic_compare_exchange_strong(&page->generation, &wiped, next);
	}
	return &page->generation;
}

uint32_t smq_process_forks(void)
{
	return atomic_load_explicit(&forks, memory_order_relaxed);
}

uint32_t smq_process_pid_namespace(void)
{
	const struct page *page = atomic_load(&process_page);

	return page != NULL ? atomic_load(&page->pid_namespace) : 0;
}

static int open_process(int32_t pid)
{
#ifdef SYS_pidfd_open
	return smq_descriptor_keep((int)syscall(SYS_pidfd_open, pid, 0));
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

static bool has_ended(int32_t pid)
{
	struct pollfd process = { .fd = open_process(pid), .events = POLLIN };
	int answers = -1;

	/* No such process; or none can be opened: before Linux 5.3, in a sandbox, if no descriptor is left. */
	if (process.fd < 0)
		return errno == ESRCH || (kill(pid, 0) != 0 && errno == ESRCH);
	/* A pending signal interrupts it though it does not wait. */
	for (int i = 0; i < ATTEMPTS && answers < 0; i++)
		answers = poll(&process, 1, 0);
	close(process.fd);
	return answers == 1 && process.revents & POLLIN;
}

bool smq_process_ended(int32_t pid)
{
	int cancel = smq_cancel_disable();
	bool ended = has_ended(pid);

	smq_cancel_restore(cancel);
	return ended;
}

static bool membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool smq_process_register(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

bool smq_process_membarrier(void)
{
	return membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}

bool smq_process_parallel(void)
{
	cpu_set_t set;

	/* EINVAL: the machine has more processors than the set holds. */
	return sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) > 1;
}
