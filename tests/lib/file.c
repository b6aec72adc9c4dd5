/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "support.h"

uint64_t file_page(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

const char *file_path(const char *name)
{
	static char path[sizeof "/dev/shm" + 1 + NAME_MAX];

	snprintf(path, sizeof path, "/dev/shm%s", name);
	return path;
}

bool file_exists(const char *name)
{
	struct stat st;

	return lstat(file_path(name), &st) == 0;
}

static size_t bytes_of(const struct smq_header *file)
{
	return file->identity.header_bytes + (size_t)file->identity.capacity;
}

struct smq_header *file_map(const char *name)
{
	struct stat st;
	void *map;
	int fd = open(file_path(name), O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(map != MAP_FAILED);
	close(fd);
	return map;
}

void file_unmap(struct smq_header *file)
{
	munmap(file, bytes_of(file));
}

struct smq_record *file_record(struct smq_header *file, uint32_t position)
{
	struct smq_record *records = (struct smq_record *)(void *)((unsigned char *)file + file->identity.header_bytes);

	return records + position % (file->identity.capacity / 8);
}

void *file_copy(const struct smq_header *file)
{
	void *copy = malloc(bytes_of(file));

	ck_assert(copy != NULL);
	return memcpy(copy, file, bytes_of(file));
}

bool file_same(const struct smq_header *file, void *copy)
{
	size_t header = file->identity.header_bytes, claims = offsetof(struct smq_header, producer_wait);
	bool same = memcmp(file, copy, claims) == 0 &&
		    memcmp((const char *)file + header, (const char *)copy + header, file->identity.capacity) == 0;

	free(copy);
	return same;
}

void file_write(const char *name, const void *content, size_t bytes)
{
	int fd = open(file_path(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, bytes), (ssize_t)bytes);
	close(fd);
}

int file_lock(const char *name, off_t start, off_t bytes)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = bytes };
	int fd = open(file_path(name), O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

unsigned file_mappings(const char *name, const char *permissions)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], found[8];
	unsigned count = 0;

	ck_assert(maps != NULL);
	while (fgets(line, sizeof line, maps) != NULL) {
		if (strstr(line, name) != NULL && sscanf(line, "%*s %7s", found) == 1)
			count += permissions == NULL || strcmp(found, permissions) == 0;
	}
	fclose(maps);
	return count;
}

unsigned file_descriptors(void)
{
	unsigned count = 0;

	/* A test has fewer than that; and so they are counted without /proc. */
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}
