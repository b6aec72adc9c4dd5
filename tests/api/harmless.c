/* SPDX-License-Identifier: MIT */
/* What other processes have in /dev/shm does the library no harm, and the library does none to what is no queue. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

/* So no file that is truncated is SIGBUS for it. */
TEST(an_observer_maps_nothing)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	ck_assert_uint_eq(file_mappings(name, NULL), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* An observer of a file that is cut off says so, and goes on when the rest is there again. */
TEST(an_observer_survives_a_truncation)
{
	static const struct {
		off_t bytes;
		bool identity; /* all of it */
	} cuts[] = { { 300, true }, { 129, true }, { 127, false }, { 1, false }, { 0, false } };
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	unsigned char *header = malloc(file_page());
	int fd = open(file_path(name), O_RDWR | O_CLOEXEC);
	struct shmemq_attr attr;
	struct shmemq_stat st;

	ck_assert_int_eq(pread(fd, header, file_page(), 0), (ssize_t)file_page());
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
		ck_assert_int_eq(ftruncate(fd, cuts[i].bytes), 0);
		ck_fails(shmemq_stat(q, &st), EBADMSG);
		if (cuts[i].identity)
			ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
		else
			ck_fails(shmemq_getattr(q, &attr), EBADMSG);
	}
	ck_assert_int_eq(pwrite(fd, header, file_page(), 0), (ssize_t)file_page());
	ck_assert_int_eq(shmemq_stat(q, &st) | shmemq_getattr(q, &attr), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	close(fd);
	free(header);
}

/* What stands in the file now is another queue's, or none's. */
TEST(an_observer_knows_its_queue)
{
	static const size_t words[] = {
		offsetof(struct smq_identity, magic[0]),
		offsetof(struct smq_identity, magic[1]),
		offsetof(struct smq_identity, id),
		offsetof(struct smq_identity, id) + 4,
	};
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	unsigned char *file = (unsigned char *)file_map(name);
	struct shmemq_attr attr;
	struct shmemq_stat st;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		file[words[i]] ^= 1;
		ck_fails(shmemq_stat(q, &st), EBADMSG);
		ck_fails(shmemq_getattr(q, &attr), EBADMSG);
		file[words[i]] ^= 1;
		ck_assert_int_eq(shmemq_stat(q, &st) | shmemq_getattr(q, &attr), 0);
	}
	file_unmap((struct smq_header *)(void *)file);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/harmless",
	.seconds = 60,
	.tests = {
		{ an_observer_maps_nothing, 1, NEEDS_PROC },
		{ an_observer_survives_a_truncation, 1, 0 },
		{ an_observer_knows_its_queue, 1, 0 },
	},
};
