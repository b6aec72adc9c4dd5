/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "endlock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "object.h"
#include "process.h"
#include "shmemq.h"

/* 0, EAGAIN (another description holds it), or ENOMEM. */
static int set_lock(int fd, short type, off_t byte)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? EAGAIN : ENOMEM;
}

int smq_initlock_lock(int fd)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 };
	int64_t deadline = smq_now_ns() + SMQ_NS_PER_S;
	int err;

	while ((err = set_lock(fd, F_WRLCK, SMQ_LOCK_INIT)) == EAGAIN) {
		if (smq_now_ns() >= deadline)
			return ETIMEDOUT;
		/* Polled, because a blocking lock has no timeout. Holders need tens of microseconds. */
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000 * 1000)
			pause.tv_nsec *= 2;
	}
	return err;
}

int smq_initlock_fd(int fd, uint32_t forks)
{
	int own;

	return smq_process_forks() == forks || smq_object_reopen_own(fd, &own) != 0 ? fd : own;
}

void smq_initlock_close_fd(int lock_fd, int fd)
{
	if (lock_fd != fd)
		close(lock_fd);
}

bool smq_initlock_trylock(int fd)
{
	return set_lock(fd, F_WRLCK, SMQ_LOCK_INIT) == 0;
}

void smq_initlock_unlock(int fd)
{
	set_lock(fd, F_UNLCK, SMQ_LOCK_INIT);
}

int smq_endlock_claim(int fd, enum smq_lock_byte end)
{
	int err = set_lock(fd, F_WRLCK, end);

	return err == EAGAIN ? EBUSY : err;
}

int smq_endlock_share(int fd, enum smq_lock_byte end, bool *alone)
{
	int err = set_lock(fd, F_WRLCK, end);

	*alone = err == 0;
	/* No claim comes in between: all are made under the init lock. */
	if (err == 0 || err == EAGAIN)
		err = set_lock(fd, F_RDLCK, end);
	return err == EAGAIN ? EBUSY : err;
}

static off_t handle_byte(bool producer, uint32_t number)
{
	return (producer ? SMQ_LOCK_PRODUCER_HANDLES : SMQ_LOCK_CONSUMER_HANDLES) + (off_t)number;
}

int smq_endlock_claim_number(int fd, bool producer, uint32_t last, uint32_t except, uint32_t *number)
{
	for (uint32_t i = 0; i < SMQ_HANDLES_MAX; i++) {
		int err;

		*number = (last + i) % SMQ_HANDLES_MAX + 1;
		if (*number == except)
			continue;
		err = set_lock(fd, F_WRLCK, handle_byte(producer, *number));
		if (err != EAGAIN)
			return err;
	}
	return EBUSY;
}

static bool held(int fd, off_t byte, off_t bytes)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = bytes };

	/* A probe that fails proves nothing: the holder counts as alive. */
	return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

bool smq_endlock_held(int fd, enum smq_lock_byte end)
{
	return held(fd, end, 1);
}

bool smq_endlock_number_held(int fd, bool producer, uint32_t number)
{
	return held(fd, handle_byte(producer, number), 1);
}

bool smq_endlock_others_held(int fd, bool producer, uint32_t number)
{
	uint32_t after = SMQ_HANDLES_MAX - number;

	/* A length of 0 would mean: to the end of the file. */
	return (number > 1 && held(fd, handle_byte(producer, 1), number - 1)) ||
	       (after > 0 && held(fd, handle_byte(producer, number + 1), after));
}

bool smq_endlock_any_held(int fd)
{
	return held(fd, SMQ_LOCK_PRODUCER, SMQ_LOCK_CONSUMER - SMQ_LOCK_PRODUCER + 1);
}

void smq_claim_open(struct smq_claim *claim)
{
	uint32_t last = atomic_load_explicit(&claim->state, memory_order_relaxed);

	atomic_store_explicit(&claim->pid, (uint32_t)getpid(), memory_order_relaxed);
	atomic_store_explicit(&claim->pid_namespace, smq_process_pid_namespace(), memory_order_relaxed);
	/* Release: its acquire is in peer_gone() and probe_peer() of wait.c. What attaching stored is seen before the
	 * new count, with which the peer no longer takes this end for dead. */
	atomic_store_explicit(&claim->state, (last & ~SMQ_CLAIM_STATE) + SMQ_CLAIM_ONE + SHMEMQ_END_OPEN,
			      memory_order_release);
}

void smq_claim_close(struct smq_claim *claim)
{
	uint32_t mine = atomic_load_explicit(&claim->state, memory_order_relaxed);

	/* Release: its acquire is in peer_gone() of wait.c, after which the ring is checked once more and everything
	 * is seen that this side published before it closed. */
	atomic_store_explicit(&claim->state, (mine & ~SMQ_CLAIM_STATE) + SHMEMQ_END_CLOSED, memory_order_release);
}

void smq_endlock_unlink_unused(const char *path, int fd)
{
	if (!smq_endlock_any_held(fd) && smq_object_has_name(path, fd))
		unlink(path);
}
