/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "mapping.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

/* A huge page on most machines; on others the alignment to it does no harm. */
#define HUGE_BYTES ((size_t)2 << 20)

static int map_failed(void)
{
	switch (errno) {
	case EACCES: /* a noexec mount under the READ_IMPLIES_EXEC personality */
	case EPERM:  /* a memfd sealed against writing */
		return EACCES;
	case EINVAL: /* caches that would not see that both mappings of the ring are the same memory */
		return EOPNOTSUPP;
	default:
		return ENOMEM;
	}
}

void smq_mapping_unmap(void *map, uint32_t header_bytes, uint64_t capacity, uint64_t extension)
{
	munmap(map, header_bytes + 2 * (size_t)capacity + 2 * (size_t)extension);
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

/* Puts a part of the file there. */
static bool place(unsigned char *at, size_t bytes, int protection, int fd, off_t offset)
{
	return mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED, fd, offset) != MAP_FAILED;
}

int smq_mapping_make(int fd, const struct smq_identity *identity, bool writes_ring, void **map)
{
	uint64_t capacity = identity->capacity, extension = smq_extension_length(identity);
	uint64_t bytes = identity->header_bytes + 2 * capacity + 2 * extension;
	int writable = PROT_READ | PROT_WRITE, of_ring = writes_ring ? writable : PROT_READ;
	size_t header = identity->header_bytes, once = (size_t)capacity, more = (size_t)extension;
	unsigned char *base;

	if (bytes > SIZE_MAX)
		return ENOMEM;
	base = reserve_addresses((size_t)bytes, capacity);
	if (base == MAP_FAILED)
		return map_failed();
	if (!place(base, writes_ring ? header + once : header, writable, fd, 0) ||
	    (!writes_ring && !place(base + header, once, of_ring, fd, (off_t)header)) ||
	    !place(base + header + once, once, of_ring, fd, (off_t)header) ||
	    (more != 0 && (!place(base + header + 2 * once, more, of_ring, fd, (off_t)(header + once)) ||
			   !place(base + header + 2 * once + more, more, of_ring, fd, (off_t)(header + once)))) ||
	    /* With the mapping a child would keep the end locks held. */
	    madvise(base, (size_t)bytes, MADV_DONTFORK) != 0) {
		int err = map_failed();

		munmap(base, (size_t)bytes);
		return err;
	}
	*map = base;
	return 0;
}

/* false: the kernel does not know how. Other failures are as good as done: the pages are then mapped one by one. */
static bool populate(unsigned char *at, size_t bytes, int advice)
{
	return madvise(at, bytes, advice) == 0 || errno != EINVAL;
}

void smq_mapping_prefault(void *map, uint32_t header_bytes, uint64_t capacity, bool writes_ring)
{
	size_t ring = 2 * (size_t)capacity, page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *bytes = map;

	if (populate(bytes, header_bytes, MADV_POPULATE_WRITE) &&
	    populate(bytes + header_bytes, ring, writes_ring ? MADV_POPULATE_WRITE : MADV_POPULATE_READ))
		return;
	/* Before Linux 5.14. On tmpfs a read maps a page for writing too. */
	for (size_t at = 0; at < header_bytes + ring; at += page)
		(void)*(volatile unsigned char *)(bytes + at);
}
