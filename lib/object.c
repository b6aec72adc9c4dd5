/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "object.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "descriptor.h"
#include "eventcount.h"
#include "fdpath.h"
#include "shmemq.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

/* A number that no other queue has, never 0. */
static uint64_t new_id(int fd)
{
	uint64_t id;
	struct timespec now;
	struct stat st;

	if (getrandom(&id, sizeof id, GRND_NONBLOCK) != (ssize_t)sizeof id) { /* a sandbox, or just after boot */
		clock_gettime(CLOCK_REALTIME, &now);
		id = (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec << 8;
		if (fstat(fd, &st) == 0)
			id ^= (uint64_t)st.st_ino;
	}
	return id != 0 ? id : 1;
}

/* The extension gets its size, and no memory yet. */
static int extend(int fd, off_t bytes)
{
	if (ftruncate(fd, bytes) == 0)
		return 0;
	return errno == EINVAL ? EFBIG : errno;
}

/* Relaxed: no other process can open the queue yet. */
static void set_positions(struct smq_header *header, uint32_t units)
{
	atomic_store_explicit(&header->producer_progress.moved.position_units, units, memory_order_relaxed);
	atomic_store_explicit(&header->consumer_progress.moved.position_units, units, memory_order_relaxed);
	atomic_store_explicit(&header->consumer_progress.moved.lease_units, units, memory_order_relaxed);
	atomic_store_explicit(&header->consumer_room.position_units, units, memory_order_relaxed);
}

static int write_header(int fd, const struct smq_identity *identity)
{
	struct smq_header *header;
	int err;

	header = mmap(NULL, identity->header_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (header == MAP_FAILED)
		return errno == EAGAIN ? ENOMEM : errno; /* EAGAIN: the limit of locked memory, under mlockall() */
	header->identity = *identity;
	set_positions(header, smq_start_units(identity->alignment));
	if (smq_extension_length(identity) != 0)
		set_positions(smq_extension_of(header), smq_start_units(identity->alignment));
	err = smq_eventcount_init(header);
	munmap(header, identity->header_bytes);
	return err;
}

static int give_name(int fd, const char *path)
{
	char self[SMQ_FDPATH_BYTES];

	smq_fdpath(fd, self);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno == EEXIST)
		return EEXIST;
	/* Without /proc. Older kernels refuse AT_EMPTY_PATH to an unprivileged process. */
	if (linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0)
		return 0;
	return errno == EEXIST || errno == ENOSPC || errno == ENOMEM ? errno : EACCES;
}

static int build(int fd, const struct shmemq_attr *given)
{
	static const struct shmemq_attr defaults;
	const struct shmemq_attr *attr = given != NULL ? given : &defaults;
	struct smq_identity identity = {
		.magic = { SMQ_MAGIC_0, SMQ_MAGIC_1 },
		.version = SMQ_VERSION,
		.mechanism = smq_mechanism,
	};
	int err;

	err = smq_identity_make(attr, &identity);
	if (err == 0)
		err = smq_file_reserve(fd, 0, (off_t)(identity.header_bytes + identity.capacity));
	if (err == 0 && smq_extension_length(&identity) != 0)
		err = extend(fd, (off_t)(identity.header_bytes + identity.capacity + identity.capacity_max));
	identity.id = new_id(fd);
	if (err == 0)
		err = write_header(fd, &identity);
	return err;
}

int smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd)
{
	int err;

	*fd = smq_descriptor_keep(open(SMQ_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, mode & 0777));
	if (*fd < 0) {
		switch (errno) {
		case ENOENT: /* no /dev/shm; to the caller ENOENT means a free name */
		case ENOTDIR:
		case EISDIR: /* a kernel or file system without O_TMPFILE */
			return EOPNOTSUPP;
		case EROFS:
		case EPERM:
			return EACCES;
		case EDQUOT:
			return ENOSPC;
		default:
			return errno;
		}
	}
	err = build(*fd, attr);
	if (err == 0)
		err = give_name(*fd, path);
	if (err != 0)
		close(*fd); /* and the kernel frees everything */
	return err;
}

static int make_memfd(unsigned flags)
{
	return smq_descriptor_keep(memfd_create("shmemq", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
}

int smq_object_memfd(const struct shmemq_attr *attr, int *fd)
{
	int err;

	*fd = make_memfd(MFD_NOEXEC_SEAL);
	if (*fd < 0 && errno == EINVAL)
		*fd = make_memfd(0); /* before Linux 6.3 */
	if (*fd < 0)
		return errno == ENOSYS || errno == EPERM ? EOPNOTSUPP : errno; /* EPERM: a sandbox */
	err = build(*fd, attr);
	/* A peer could otherwise truncate the file: a store into a missing page is SIGBUS. */
	if (err == 0 && fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		err = EOPNOTSUPP;
	if (err != 0)
		close(*fd);
	return err;
}

bool smq_object_unclaimed(int fd)
{
	uint32_t producer, consumer;

	return pread(fd, &producer, sizeof producer, offsetof(struct smq_header, producer_claim)) == sizeof producer &&
	       pread(fd, &consumer, sizeof consumer, offsetof(struct smq_header, consumer_claim)) == sizeof consumer &&
	       producer == 0 && consumer == 0;
}
