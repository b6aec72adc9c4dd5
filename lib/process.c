/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

/* The page that a fork wipes: made once, and kept until the process ends. */
static smq_word *_Atomic generation_page;
/* Not in that page: a child continues its parent's count, so their generations differ. */
static smq_word generations;
static smq_word forks;

static void count_fork(void)
{
	atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static smq_word *make_page(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	smq_word *page, *other = NULL;

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
	if (atomic_compare_exchange_strong(&generation_page, &other, page)) {
		(void)pthread_atfork(count_fork, NULL, NULL); /* ENOMEM: then forks are not counted */
		return page;
	}
	munmap(page, bytes); /* another thread was first */
	return other;
}

const smq_word *smq_process_generation(void)
{
	smq_word *page = atomic_load(&generation_page);
	uint32_t wiped = 0;

	if (page == NULL && (page = make_page()) == NULL)
		return NULL;
	if (atomic_load(page) == 0) {
		uint32_t next;

		do /* 0 means wiped, so a count that wraps skips it */
			next = atomic_fetch_add(&generations, 1) + 1;
		while (next == 0);
		atomic_compare_exchange_strong(page, &wiped, next);
	}
	return page;
}

uint32_t smq_process_forks(void)
{
	return atomic_load_explicit(&forks, memory_order_relaxed);
}

uint32_t smq_process_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (uint32_t)st.st_ino : 0;
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
