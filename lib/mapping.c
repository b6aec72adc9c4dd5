/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "mapping.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* A huge page on most machines; on others the alignment to it does no harm. */
#define HUGE_BYTES ((size_t)2 << 20)

static int map_failed(void)
{
	/* EACCES: a noexec mount under the READ_IMPLIES_EXEC personality. EPERM: a memfd sealed against writing. */
	return errno == EACCES || errno == EPERM ? EACCES : ENOMEM;
}

void smq_mapping_unmap(void *map, uint32_t header_bytes, uint64_t capacity)
{
	munmap(map, header_bytes + 2 * (size_t)capacity);
}

/*
 * Reserves addresses, so that the pieces can be placed there without overlapping other mappings. A multiple of a huge
 * page if the ring has one: then address and file offset are congruent in both mappings of the ring, without which the
 * kernel maps no huge page (doc/performance.md).
 */
static unsigned char *reserve_addresses(size_t bytes, uint64_t capacity)
{
	size_t more = capacity >= HUGE_BYTES ? HUGE_BYTES : 0, before;
	unsigned char *base;

	if (bytes > SIZE_MAX - more) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	base = mmap(NULL, bytes + more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED || more == 0)
		return base;
	before = -(uintptr_t)base % HUGE_BYTES;
	if (before != 0)
		munmap(base, before);
	if (before != more)
		munmap(base + before + bytes, more - before);
	return base + before;
}

int smq_mapping_make(int fd, const struct smq_identity *identity, void **map)
{
	uint64_t capacity = identity->capacity, bytes = identity->header_bytes + 2 * capacity;
	size_t once = (size_t)(identity->header_bytes + capacity);
	unsigned char *base;

	if (bytes > SIZE_MAX)
		return ENOMEM;
	base = reserve_addresses((size_t)bytes, capacity);
	if (base == MAP_FAILED)
		return map_failed();
	if (mmap(base, once, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(base + once, (size_t)capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 (off_t)identity->header_bytes) == MAP_FAILED ||
	    /* With the mapping a child would keep the end locks held. */
	    madvise(base, (size_t)bytes, MADV_DONTFORK) != 0) {
		int err = map_failed();

		munmap(base, (size_t)bytes);
		return err;
	}
	*map = base;
	return 0;
}

void smq_mapping_prefault(void *map, uint32_t header_bytes, uint64_t capacity)
{
	const volatile char *bytes = map;
	size_t end = header_bytes + 2 * (size_t)capacity, page = (size_t)sysconf(_SC_PAGESIZE);

	if (madvise(map, end, MADV_POPULATE_WRITE) == 0 || errno != EINVAL)
		return;
	/* Before Linux 5.14. On tmpfs a read maps a page for writing too. */
	for (size_t at = 0; at < end; at += page)
		(void)bytes[at];
}
