/* SPDX-License-Identifier: MIT */
/*
 * An observer reads totals while their carries are under way. The linker puts a function in place of pread(2) that
 * returns what a read in the middle of a carry may return.
 */
#include "config.h"

#include <sys/types.h>
#include <unistd.h>

#include "file.h"
#include "suite.h"

#if defined __GLIBC__ && defined __USE_FILE_OFFSET64
#define wrap_pread __wrap_pread64
#define real_pread __real_pread64
#else
#define wrap_pread __wrap_pread
#define real_pread __real_pread
#endif
ssize_t wrap_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t real_pread(int fd, void *buffer, size_t bytes, off_t offset);

#define BEFORE (((uint64_t)1 << 32) - 1) /* the last total before a carry */

static struct smq_moved *progress; /* in the file, of the end that is in the middle of a carry */
static off_t watched;              /* its offset */
static unsigned reads, torn;       /* reads so far; the one that sees half of the carry */
static size_t lo;                  /* which total: the offset of its words */

static smq_word *word(size_t offset)
{
	return (smq_word *)(void *)((unsigned char *)progress + offset);
}

static void set_total(uint64_t total)
{
	*word(lo) = (uint32_t)total;
	*word(lo + 4) = (uint32_t)(total >> 31);
}

ssize_t wrap_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	ssize_t count = real_pread(fd, buffer, bytes, offset);

	if (progress != NULL && offset == watched && reads++ == torn) {
		uint32_t lower = (uint32_t)(BEFORE + 1);

		/* The kernel has copied the upper word before the carry, and the lower word after it. */
		memcpy((unsigned char *)buffer + lo, &lower, sizeof lower);
		set_total(BEFORE + 1);
	}
	return count;
}

static uint64_t read_total(struct shmemq *observer, bool producer)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(observer, &st), 0);
	if (lo == offsetof(struct smq_moved, messages_lo))
		return producer ? st.pushed_messages : st.popped_messages;
	return producer ? st.pushed_bytes : st.popped_bytes;
}

/* In the first read that a call makes and in the second, of each total of each end. */
TEST(a_carry_is_seen_whole_or_not_at_all)
{
	static const size_t totals[] = { offsetof(struct smq_moved, messages_lo),
					 offsetof(struct smq_moved, moved_lo) };
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	struct smq_header *file = file_map(name);

	for (int i = 0; i < 8; i++) {
		bool producer = i % 2;
		uint64_t total;

		lo = totals[i / 2 % 2];
		torn = i / 4;
		reads = 0;
		progress = producer ? &file->producer_progress.moved : &file->consumer_progress.moved;
		watched = producer ? offsetof(struct smq_header, producer_progress)
				   : offsetof(struct smq_header, consumer_progress);
		set_total(BEFORE);
		total = read_total(q, producer);
		ck_assert_uint_ge(reads, 2);
		ck_assert_msg(total == BEFORE || total == BEFORE + 1, "read %u: the total is %llx", torn,
			      (unsigned long long)total);
		ck_assert_uint_eq(read_total(q, producer), BEFORE + 1);
		set_total(0);
	}
	file_unmap(file);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "unit/totals",
	.seconds = 60,
	.tests = {
		{ a_carry_is_seen_whole_or_not_at_all, 1, 0 },
	},
};
