/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#define OFFSET_BITS 43 /* the largest offset in a file of a 32-bit kernel is 2^44 - 1 */

int smq_descriptor_keep(int fd)
{
	int higher, err;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	err = errno == EINVAL ? EMFILE : errno; /* EINVAL: RLIMIT_NOFILE allows no number above 2 */
	close(fd);
	errno = err;
	return higher;
}

/* No two handles of a process have the same address; the factor makes it an offset that no other program seeks to. */
static off_t mark_of(const void *handle)
{
	return (off_t)((uint64_t)(uintptr_t)handle * 0x9e3779b97f4a7c15u >> (64 - OFFSET_BITS));
}

void smq_descriptor_mark(int fd, const void *handle)
{
	(void)lseek(fd, mark_of(handle), SEEK_SET);
}

bool smq_descriptor_is_marked(int fd, const void *handle)
{
	return fd >= 0 && lseek(fd, 0, SEEK_CUR) == mark_of(handle);
}
