/* SPDX-License-Identifier: MIT */
#include "config.h"

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
#include "object.h"
#include "shmemq.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

#define ATTR_FLAGS (SHMEMQ_ATTR_TEMPORARY | SHMEMQ_ATTR_BROADCAST)

static uint32_t page_bytes(void)
{
	return (uint32_t)sysconf(_SC_PAGESIZE);
}

/* Bytes before the ring: pages. */
static uint32_t header_bytes(uint32_t flags)
{
	uint32_t page = page_bytes(), bytes = page;

	if (flags & SHMEMQ_ATTR_BROADCAST)
		bytes = SMQ_READERS_OFFSET + SMQ_READERS_MAX * (uint32_t)sizeof(struct smq_reader);
	return (bytes + page - 1) / page * page;
}

int smq_object_path(const char *name, char path[SMQ_PATH_BYTES])
{
	if (name == NULL || name[0] != '/' || name[1] == '\0' || strchr(name + 1, '/') != NULL)
		return EINVAL;
	if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
		return EINVAL;
	if (strlen(name + 1) > SMQ_NAME_MAX)
		return ENAMETOOLONG;
	strcpy(path, SMQ_DIRECTORY);
	strcat(path, name);
	return 0;
}

static int open_file(const char *path, int flags, int *fd)
{
	*fd = smq_descriptor_keep(open(path, flags | O_CLOEXEC));
	if (*fd >= 0)
		return 0;
	switch (errno) {
	case EISDIR:  /* a directory */
	case ELOOP:   /* a symbolic link */
	case ENXIO:   /* a socket, */
	case ENODEV:  /* or a device without a driver */
	case ETXTBSY: /* a running program */
		return EPROTO;
	case EPERM: /* an immutable file, a read-only mount */
	case EROFS:
		return EACCES;
	case EAGAIN: /* its owner holds a file lease (F_SETLEASE) on it */
		return EBUSY;
	case ENOTDIR: /* no /dev/shm */
		return ENOENT;
	default:
		return errno;
	}
}

/* Opens the file that `found`, a descriptor of O_PATH, stands for. 0, errno or SMQ_START_OVER. */
static int open_found(const char *path, int found, const struct stat *st, int access, int *fd)
{
	char self[SMQ_FDPATH_BYTES];
	struct stat opened;
	int err;

	smq_fdpath(found, self);
	err = open_file(self, access | O_NONBLOCK, fd); /* NONBLOCK: do not wait for a file lease */
	if (err != ENOENT)
		return err;
	/* Without /proc, by the name, which may have become another file's: a FIFO's, or a terminal's. */
	err = open_file(path, access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, fd);
	if (err == 0 && (fstat(*fd, &opened) != 0 || opened.st_dev != st->st_dev || opened.st_ino != st->st_ino)) {
		close(*fd);
		return SMQ_START_OVER;
	}
	return err;
}

/*
 * Any user may give any file a name in /dev/shm, and to open some files is to do something: a process that waits
 * to write to a FIFO goes on, and dies of SIGPIPE. So the file is looked at first, by O_PATH, which opens nothing.
 */
int smq_object_open(const char *path, int access, int *fd)
{
	struct stat st;
	int found, err;

	do {
		err = open_file(path, O_PATH | O_NOFOLLOW, &found);
		if (err != 0)
			return err;
		if (fstat(found, &st) != 0 || !S_ISREG(st.st_mode))
			err = EPROTO;
		else
			err = open_found(path, found, &st, access, fd);
		close(found);
	} while (err == SMQ_START_OVER);
	return err;
}

static bool is_power_of_two(uint64_t number)
{
	return number != 0 && (number & (number - 1)) == 0;
}

static bool is_alignment(uint32_t bytes)
{
	return is_power_of_two(bytes) && bytes >= SMQ_UNIT && bytes <= SMQ_ALIGNMENT_MAX;
}

/* Where a message fits in any case: see smq_extension_init(). */
static uint64_t least_capacity(uint32_t alignment, bool grows)
{
	return (grows ? 4 : 2) * (uint64_t)alignment;
}

/* If there is an extension: is it one that this library can keep? A broadcast queue does not grow yet. */
static bool extension_is_valid(const struct smq_identity *identity)
{
	if (identity->capacity_max == identity->capacity)
		return true;
	return is_power_of_two(identity->capacity_max) && identity->capacity_max > identity->capacity &&
	       identity->capacity_max <= SMQ_CAPACITY_MAX &&
	       identity->capacity >= least_capacity(identity->alignment, true) &&
	       (identity->flags & ~SHMEMQ_ATTR_TEMPORARY) == 0;
}

/* What the attributes ask for. 0 or EINVAL. */
static int apply_attr(const struct shmemq_attr *attr, struct smq_identity *identity)
{
	static const uint32_t no_reserved[sizeof attr->reserved / sizeof attr->reserved[0]];
	uint64_t wanted = attr->capacity != 0 ? attr->capacity : SMQ_CAPACITY_DEFAULT;
	uint32_t alignment = attr->alignment != 0 ? attr->alignment : SMQ_UNIT;

	if (wanted > SMQ_CAPACITY_MAX || attr->capacity_max > SMQ_CAPACITY_MAX || (attr->flags & ~ATTR_FLAGS) != 0 ||
	    memcmp(attr->reserved, no_reserved, sizeof no_reserved) != 0)
		return EINVAL;
	if (!is_alignment(alignment))
		return EINVAL;
	identity->capacity = page_bytes();
	while (identity->capacity < wanted ||
	       identity->capacity < least_capacity(alignment, attr->capacity_max > identity->capacity))
		identity->capacity *= 2;
	/* Of a smaller one the ring has no more than it has at rest. */
	identity->capacity_max = identity->capacity;
	while (identity->capacity_max < attr->capacity_max)
		identity->capacity_max *= 2;
	if (attr->capacity_max != 0 && attr->capacity_max < wanted)
		return EINVAL;
	identity->messages_max = attr->messages_max;
	identity->alignment = alignment;
	identity->flags = attr->flags;
	identity->header_bytes = header_bytes(attr->flags);
	memcpy(identity->user, attr->user, sizeof identity->user);
	return extension_is_valid(identity) ? 0 : EINVAL;
}

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

/*
 * Allocates the file's pages now, because a store into a page that a full /dev/shm cannot provide is SIGBUS. In steps,
 * because tmpfs undoes a call that a signal interrupts: under a fast timer one call for a gigabyte would never end.
 */
int smq_object_reserve(int fd, off_t from, off_t bytes)
{
	const off_t step = 4 << 20;

	for (off_t at = 0; at < bytes; at += step) {
		int err;

		do
			err = posix_fallocate(fd, from + at, bytes - at < step ? bytes - at : step);
		while (err == EINTR);
		switch (err) {
		case 0:
			break;
		case EINVAL: /* the file system cannot reserve space */
		case EOPNOTSUPP:
		case ENODEV:
		case ENOSYS: /* a sandbox */
		case EPERM:
			return EOPNOTSUPP;
		case EDQUOT:
			return ENOSPC;
		default:
			return err;
		}
	}
	return 0;
}

int smq_object_punch(int fd, off_t from, off_t bytes)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, bytes) == 0 ? 0 : errno;
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

	err = apply_attr(attr, &identity);
	if (err == 0)
		err = smq_object_reserve(fd, 0, (off_t)(identity.header_bytes + identity.capacity));
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

/* Reads the identity of any format version. Each word is read once, here; a queue never changes them. */
static int read_identity(int fd, struct smq_identity *identity, struct stat *st)
{
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode) ||
	    pread(fd, identity, sizeof *identity, 0) != (ssize_t)sizeof *identity)
		return EPROTO;
	return identity->magic[0] == SMQ_MAGIC_0 && identity->magic[1] == SMQ_MAGIC_1 ? 0 : EPROTO;
}

int smq_object_is_queue(int fd)
{
	struct smq_identity identity;
	struct stat st;

	return read_identity(fd, &identity, &st);
}

int smq_object_identify(int fd, struct smq_identity *identity)
{
	struct stat st;

	if (read_identity(fd, identity, &st) != 0)
		return EPROTO;
	if (identity->version != SMQ_VERSION || identity->mechanism != smq_mechanism ||
	    identity->header_bytes != header_bytes(identity->flags))
		return EPROTO;
	if (!is_power_of_two(identity->capacity) || identity->capacity < page_bytes() ||
	    identity->capacity > SMQ_CAPACITY_MAX)
		return EPROTO;
	if (!is_alignment(identity->alignment) || identity->capacity < 2 * identity->alignment)
		return EPROTO;
	/* What later libraries may make, and this one cannot keep. */
	if (!extension_is_valid(identity) || (identity->flags & ~ATTR_FLAGS) != 0)
		return EPROTO;
	if (st.st_size < (off_t)(identity->header_bytes + identity->capacity + smq_extension_length(identity)))
		return EPROTO; /* truncated: its pages would be SIGBUS */
	return 0;
}

bool smq_object_unclaimed(int fd)
{
	uint32_t producer, consumer;

	return pread(fd, &producer, sizeof producer, offsetof(struct smq_header, producer_claim)) == sizeof producer &&
	       pread(fd, &consumer, sizeof consumer, offsetof(struct smq_header, consumer_claim)) == sizeof consumer &&
	       producer == 0 && consumer == 0;
}

int smq_object_open_directory(void)
{
	return smq_descriptor_keep(open(SMQ_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

bool smq_object_has_name(int directory, const char *path, int fd)
{
	struct stat named, opened;

	return fstatat(directory, path, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0 &&
	       named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

/*
 * Is it a file of /dev/shm, with or without a name, or sealed against shrinking? The first could be truncated too, but
 * only by a process that may write to the queue anyway.
 */
static bool may_be_mapped(int fd)
{
	struct stat directory, st;
	int seals;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (stat(SMQ_DIRECTORY, &directory) == 0 && directory.st_dev == st.st_dev)
		return true;
	seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && seals & F_SEAL_SHRINK;
}

int smq_object_reopen(int from, int access, int *fd)
{
	char path[SMQ_FDPATH_BYTES];
	int err;

	if (fcntl(from, F_GETFD) < 0)
		return EBADF;
	if (!may_be_mapped(from))
		return EPROTO;
	smq_fdpath(from, path);
	err = open_file(path, access | O_NONBLOCK, fd); /* NONBLOCK: do not wait for a file lease */
	return err == ENOENT ? EOPNOTSUPP : err;        /* no /proc */
}

int smq_object_reopen_own(int from, int access, int *fd)
{
	char path[SMQ_FDPATH_BYTES];

	smq_fdpath(from, path);
	return open_file(path, access | O_NONBLOCK, fd);
}
