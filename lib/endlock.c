/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "endlock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "process.h"
#include "shmemq.h"

/*
 * Questions about one end: as many as the time allows, and so many at least, however slow the machine. Each dead handle
 * that is still locked takes one or two, of some microseconds; only a hostile process makes tens of thousands.
 */
#define QUESTIONS_MIN 200
#define QUESTIONS_NS  (100 * SMQ_NS_PER_MS)

static struct flock lock_of(short type, int64_t from, int64_t to)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)from, .l_len = (off_t)(to - from)
	};
}

/* 0, EAGAIN (another description holds it), or ENOMEM. */
static int set_lock(int fd, short type, int64_t from, int64_t to)
{
	struct flock lock = lock_of(type, from, to);

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? EAGAIN : ENOMEM;
}

int smq_initlock_lock(int fd)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 };
	int64_t deadline = smq_now_ns() + SMQ_NS_PER_S;
	int err;

	while ((err = set_lock(fd, F_WRLCK, SMQ_LOCK_INIT, SMQ_LOCK_INIT + 1)) == EAGAIN) {
		if (smq_now_ns() >= deadline)
			return ETIMEDOUT;
		/* Polled, because a blocking lock has no timeout. Holders need tens of microseconds. */
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000 * 1000)
			pause.tv_nsec *= 2;
	}
	return err;
}

void smq_initlock_unlock(int fd)
{
	set_lock(fd, F_UNLCK, SMQ_LOCK_INIT, SMQ_LOCK_INIT + 1);
}

int smq_endlock_open_fd(int fd, uint32_t forks)
{
	int own;

	return smq_process_forks() == forks || smq_file_reopen_own(fd, O_RDWR, &own) != 0 ? fd : own;
}

void smq_endlock_close_fd(int lock_fd, int fd)
{
	if (lock_fd != fd)
		close(lock_fd);
}

static int64_t recovery_byte(bool producer, uint32_t number)
{
	return smq_lock_slot(producer, number) + SMQ_LOCK_SLOT_BYTES - 1;
}

/* What a lock says of the handle that has it. */
struct claimant {
	bool lives;
	bool fills_slot; /* it is of a handle's form, so that no other handle's lock can lie in the same slot */
	bool shared;     /* it shares its end */
	uint32_t pid;    /* its process, in this process's pid namespace; 0: in another one, or not known */
};

/*
 * Reads it out of where the lock lies. A lock that is no handle's is a hostile process's, or, for a moment, that of a
 * handle that recovers: the first counts as a handle that lives, the second as none.
 */
static struct claimant read_lock(const struct flock *lock)
{
	int64_t slot = lock->l_start / SMQ_LOCK_SLOT_BYTES * SMQ_LOCK_SLOT_BYTES, pid = lock->l_start - slot;
	int64_t namespace = lock->l_start + lock->l_len - 1 - slot - SMQ_LOCK_MIDDLE;
	struct claimant claimant = { .lives = true };

	if (pid == SMQ_LOCK_SLOT_BYTES - 1 && lock->l_len == 1)
		return (struct claimant){ .lives = false };
	claimant.shared = pid >= SMQ_LOCK_SHARED;
	if (claimant.shared)
		pid -= SMQ_LOCK_SHARED;
	if (pid <= 0 || pid > INT32_MAX || namespace <= 0 || namespace > UINT32_MAX)
		return claimant;
	claimant.fills_slot = true;
	if (namespace != smq_process_pid_namespace())
		return claimant;
	claimant.pid = (uint32_t)pid;
	claimant.lives = !smq_process_ended((int32_t)pid);
	return claimant;
}

/* Looks for a handle that lives and whose lock is in this range. */
static struct claimant find(int fd, int64_t from, int64_t to)
{
	int64_t end = to, next = from, until = smq_now_ns() + QUESTIONS_NS;

	/* The kernel tells of any of the locks, not of the first. So after a dead one come those before its slot, then
	 * those after. A question that fails proves nothing: the handle counts as alive. The same if there is no end of
	 * questions, as beside a hostile process with thousands of locks. */
	for (int i = 0; i < QUESTIONS_MIN || smq_now_ns() < until; i++) {
		struct flock lock = lock_of(F_WRLCK, from, to);

		if (from < to && fcntl(fd, F_OFD_GETLK, &lock) != 0)
			break;
		if (from < to && lock.l_type != F_UNLCK) {
			struct claimant claimant = read_lock(&lock);

			if (claimant.lives)
				return claimant;
			to = lock.l_start;
			next = lock.l_start + lock.l_len;
			if (claimant.fills_slot) {
				to -= to % SMQ_LOCK_SLOT_BYTES;
				next += SMQ_LOCK_SLOT_BYTES - 1 - (next - 1) % SMQ_LOCK_SLOT_BYTES;
			}
		} else if (to != end && next < end) {
			from = next;
			to = end;
		} else {
			return (struct claimant){ .lives = false };
		}
	}
	return (struct claimant){ .lives = true };
}

static struct claimant find_among(int fd, bool producer, uint32_t first, uint32_t last)
{
	if (first > last)
		return (struct claimant){ .lives = false };
	return find(fd, smq_lock_slot(producer, first), smq_lock_slot(producer, last) + SMQ_LOCK_SLOT_BYTES);
}

bool smq_endlock_held(int fd, bool producer)
{
	return find_among(fd, producer, 1, SMQ_HANDLES_MAX).lives;
}

bool smq_endlock_number_held(int fd, bool producer, uint32_t number)
{
	return find_among(fd, producer, number, number).lives;
}

bool smq_endlock_others_held(int fd, bool producer, uint32_t number)
{
	return find_among(fd, producer, 1, number - 1).lives ||
	       find_among(fd, producer, number + 1, SMQ_HANDLES_MAX).lives;
}

uint32_t smq_endlock_holder(int fd, bool producer, uint32_t number)
{
	struct claimant claimant =
		number != 0 ? find_among(fd, producer, number, number) : find_among(fd, producer, 1, SMQ_HANDLES_MAX);

	return number != 0 || !claimant.shared ? claimant.pid : 0; /* of one that does not live, that is 0 */
}

/* Ranges that smq_endlock_count() has still to look at. */
#define RANGES_MAX 64

uint32_t smq_endlock_count(int fd, bool producer)
{
	int64_t from[RANGES_MAX], to[RANGES_MAX], until = smq_now_ns() + QUESTIONS_NS;
	uint32_t count = 0;
	int ranges = 1;

	from[0] = smq_lock_slot(producer, 1);
	to[0] = smq_lock_slot(producer, SMQ_HANDLES_MAX) + SMQ_LOCK_SLOT_BYTES;
	/* As in find(): the slots before the lock that the kernel tells of, and those after it. */
	for (int i = 0; ranges > 0 && (i < QUESTIONS_MIN || smq_now_ns() < until); i++) {
		int64_t first = from[--ranges], end = to[ranges], slot;
		struct flock lock = lock_of(F_WRLCK, first, end);

		if (fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
			continue;
		count += read_lock(&lock).lives;
		slot = lock.l_start - lock.l_start % SMQ_LOCK_SLOT_BYTES;
		if (slot + SMQ_LOCK_SLOT_BYTES < end) {
			from[ranges] = slot + SMQ_LOCK_SLOT_BYTES;
			to[ranges++] = end;
		}
		if (slot > first && ranges < RANGES_MAX) {
			from[ranges] = first;
			to[ranges++] = slot;
		}
	}
	return count;
}

int smq_endlock_look(int fd, bool producer, bool shared, bool *alone)
{
	struct claimant other = find_among(fd, producer, 1, SMQ_HANDLES_MAX);

	*alone = !other.lives;
	return *alone || (shared && other.shared) ? 0 : EBUSY;
}

/* Is a handle recovering from the death of the last one that had this number? */
static bool in_recovery(int fd, bool producer, uint32_t number)
{
	int64_t byte = recovery_byte(producer, number);
	struct flock lock = lock_of(F_WRLCK, byte, byte + 1);

	return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

int smq_endlock_claim(int fd, bool producer, bool shared, uint32_t most, uint32_t last, const smq_word *owner,
		      uint32_t *number)
{
	int64_t pid = getpid() + (shared ? SMQ_LOCK_SHARED : 0);
	int64_t namespace = SMQ_LOCK_MIDDLE + smq_process_pid_namespace();

	for (uint32_t i = 0; i < most; i++) {
		int64_t slot;
		int err;

		*number = (last + i) % most + 1;
		slot = smq_lock_slot(producer, *number);
		err = set_lock(fd, F_WRLCK, slot + pid, slot + namespace + 1);
		if (err == EAGAIN)
			continue;
		if (err != 0)
			return err;
		/* Not the number of a dead holder of the owner lock: it would live again. The word cannot become that
		 * number now (relaxed: who had the number has released its lock). Nor one in recovery, in which it
		 * was found dead: the recoverer has locked its byte before it looks at this range, so that one of the
		 * two sees the other. */
		if ((atomic_load_explicit(owner, memory_order_relaxed) & SMQ_HANDLES_MAX) != *number &&
		    !in_recovery(fd, producer, *number))
			return 0;
		set_lock(fd, F_UNLCK, slot + pid, slot + namespace + 1);
	}
	return EBUSY;
}

bool smq_endlock_begin_recovery(int fd, bool producer, uint32_t number)
{
	int64_t byte = recovery_byte(producer, number);

	return set_lock(fd, F_WRLCK, byte, byte + 1) == 0;
}

void smq_endlock_end_recovery(int fd, bool producer, uint32_t number)
{
	int64_t byte = recovery_byte(producer, number);

	set_lock(fd, F_UNLCK, byte, byte + 1);
}

void smq_claim_open(struct smq_claim *claim)
{
	uint32_t last = atomic_load_explicit(&claim->state, memory_order_relaxed);

	atomic_store_explicit(&claim->pid, (uint32_t)getpid(), memory_order_relaxed);
	/* Release: its acquire is in load_claim() of peer.c. What attaching stored is seen before the new count, with
	 * which the peer no longer takes this end for dead. */
	atomic_store_explicit(&claim->state, (last & ~SMQ_CLAIM_STATE) + SMQ_CLAIM_ONE + SHMEMQ_END_OPEN,
			      memory_order_release);
}

void smq_claim_close(struct smq_claim *claim)
{
	uint32_t mine = atomic_load_explicit(&claim->state, memory_order_relaxed);

	/* Release: its acquire is in load_claim() of peer.c, after which the ring is checked once more and everything
	 * is seen that this side published before it closed. */
	atomic_store_explicit(&claim->state, (mine & ~SMQ_CLAIM_STATE) + SHMEMQ_END_CLOSED, memory_order_release);
}

void smq_endlock_unlink_unused(int directory, const char *path, int fd)
{
	if (!smq_endlock_held(fd, true) && !smq_endlock_held(fd, false) && smq_file_has_name(directory, path, fd))
		unlinkat(directory, path, 0);
}
