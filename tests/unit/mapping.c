/* SPDX-License-Identifier: MIT */
/* The kernel refuses a part of a handle's mapping. The linker puts a function in place of mmap(2) that can do so. */
#include "config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "suite.h"

#if defined __GLIBC__ && defined __USE_FILE_OFFSET64
#define wrap_mmap __wrap_mmap64
#define real_mmap __real_mmap64
#else
#define wrap_mmap __wrap_mmap
#define real_mmap __real_mmap
#endif
void *wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);

/* The header page with the ring, and the ring again; a consumer maps the header page alone. */
#define OF_PRODUCER 2
#define OF_CONSUMER 3

static unsigned parts;   /* that were placed or refused so far */
static unsigned refused; /* this one, */
static int reason;       /* for this reason, unless it is 0 */

void *wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (reason != 0 && flags & MAP_FIXED && parts++ == refused) {
		errno = reason;
		return MAP_FAILED;
	}
	return real_mmap(at, bytes, protection, flags, fd, offset);
}

static const struct {
	int reason, err;
} failures[] = {
	{ EINVAL, EOPNOTSUPP },                     /* caches that would not see that both are the same memory */
	{ ENOMEM, ENOMEM },     { EAGAIN, ENOMEM }, /* locked memory */
	{ EACCES, EACCES },     { EPERM, EACCES },
};

static void refuse(unsigned part, int why)
{
	parts = 0;
	refused = part;
	reason = why;
}

/* A create removes what it cannot map, an open leaves what it found, and neither leaves anything in the process. */
TEST(a_part_is_refused)
{
	const bool producer = _i < OF_PRODUCER;
	const unsigned part = (unsigned)(producer ? _i : _i - OF_PRODUCER);
	const unsigned end = producer ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER;
	const char *name = test_name(), *made = test_name();
	unsigned descriptors;
	int fd = test_memfd(1);

	ck_assert_int_eq(shmemq_close(test_open(made, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	descriptors = file_descriptors();
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		refuse(part, failures[i].reason);
		ck_fails(shmemq_open(made, end, 0, NULL), failures[i].err);
		refuse(part, failures[i].reason);
		ck_fails(shmemq_fdopen(fd, end), failures[i].err);
		refuse(part, failures[i].reason);
		ck_fails(shmemq_open(name, end | SHMEMQ_CREATE, 0600, NULL), failures[i].err);
		ck_assert_uint_eq(parts, part + 1);
		ck_assert(file_exists(made) && !file_exists(name));
		ck_assert_uint_eq(file_descriptors(), descriptors);
		ck_assert_uint_eq(file_mappings(made, NULL), 0);
	}
	reason = 0;
	ck_assert_int_eq(shmemq_close(test_open(made, end, 0)), 0);
	close(fd);
}

const struct suite suite = {
	.name = "unit/mapping",
	.seconds = 60,
	.needs = NEEDS_PROC,
	.tests = {
		{ a_part_is_refused, OF_PRODUCER + OF_CONSUMER, 0 },
	},
};
