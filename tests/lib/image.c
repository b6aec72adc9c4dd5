/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "eventcount.h"
#include "image.h"
#include "support.h"

long page_bytes;
static const long page_sizes[PAGE_SIZES] = { 4096, 16384, 65536 };

long __real_sysconf(int variable);
long __wrap_sysconf(int variable);

long __wrap_sysconf(int variable)
{
	return variable == _SC_PAGESIZE && page_bytes != 0 ? page_bytes : __real_sysconf(variable);
}

/* "shmemq\0\1" as it stands in the file of a little-endian machine. */
#define MAGIC_0 0x656d6873u
#define MAGIC_1 0x0100716du

char path[300];
const char *name;
unsigned char *image, *expected;
size_t header_bytes, file_bytes;

void set_bytes(size_t header, size_t messages)
{
	header_bytes = header;
	file_bytes = header + messages;
	free(image);
	free(expected);
	image = calloc(1, file_bytes);
	expected = calloc(1, file_bytes);
	ck_assert(image != NULL && expected != NULL);
}

bool setup_pages(int i)
{
	page_bytes = page_sizes[i];
	name = test_name();
	snprintf(path, sizeof path, "/dev/shm%s", name);
	set_bytes((size_t)page_bytes, CAPACITY);
	return page_bytes % __real_sysconf(_SC_PAGESIZE) == 0;
}

void read_image(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, (off_t)file_bytes);
	ck_assert_int_eq(pread(fd, image, file_bytes, 0), (ssize_t)file_bytes);
	close(fd);
}

void put(size_t offset, const void *bytes, size_t size)
{
	memcpy(expected + offset, bytes, size);
}

void put_words(size_t start, const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(start + words[i].offset, &words[i].value, sizeof words[i].value);
}

/* The mechanism's number. The bytes of a sem_t are the libc's own, and are copied. */
static uint32_t mechanism(void)
{
#ifdef SMQ_USE_FUTEX
	return 1;
#else
	memcpy(expected + 704, image + 704, 64);
	memcpy(expected + 832, image + 832, 64);
#ifdef __GLIBC__
	return 2 | 1 << 8 | (uint32_t)sizeof(void *) << 16;
#else
	return 2 | 2 << 8 | (uint32_t)sizeof(void *) << 16;
#endif
#endif
}

void put_identity(struct shmemq *q, uint32_t alignment, uint32_t flags)
{
	const struct word identity[] = {
		{ 0, MAGIC_0 },    { 4, MAGIC_1 },      { 8, 1 },      { 12, (uint32_t)header_bytes }, { 40, 0 },
		{ 44, alignment }, { 48, mechanism() }, { 52, flags },
	};
	const uint64_t capacity = CAPACITY;
	struct shmemq_attr attr;

	ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
	ck_assert_uint_ne(attr.id, 0);
	PUT_WORDS(0, identity);
	put(16, &capacity, 8);
	put(24, &capacity, 8); /* it does not grow */
	put(32, &attr.id, 8);
}

static uint32_t word_at(size_t offset)
{
	uint32_t word;

	memcpy(&word, image + offset, sizeof word);
	return word;
}

static void copy_word(size_t offset)
{
	memcpy(expected + offset, image + offset, 4);
}

void put_noted(uint32_t most, bool popped, size_t room, uint32_t head)
{
	const uint32_t now = (uint32_t)time(NULL);

	ck_assert_uint_le(now - word_at(1032), 60);
	copy_word(1032);
	ck_assert_uint_le(word_at(1036), most);
	copy_word(1036);
	/* The count is of the record that was announced last. */
	ck_assert_uint_eq(word_at(228), word_at(236));
	ck_assert_uint_le(word_at(228), word_at(128));
	ck_assert_uint_le(word_at(232), word_at(136));
	for (size_t at = 228; at <= 236; at += 4)
		copy_word(at);
	if (!popped)
		return;
	ck_assert_uint_le(now - word_at(1160), 60);
	copy_word(1160);
	ck_assert_uint_le(head - word_at(room), CAPACITY / 64);
	copy_word(room);
}

void compare(void)
{
	for (size_t i = 0; i < file_bytes; i++) {
		if (image[i] != expected[i])
			ck_abort_msg("pages of %ld: byte %zu is %#x, expected %#x", page_bytes, i, image[i],
				     expected[i]);
	}
}

void close_and_remove(struct shmemq *producer, struct shmemq *consumer)
{
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	free(image);
	free(expected);
}
