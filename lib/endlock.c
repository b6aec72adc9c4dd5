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
 * Questions in one search: so many, however slow the machine, and then as many as the time allows. A handle that has
 * died and is still locked takes two at most; only a hostile process makes tens of thousands. The kernel walks through
 * all locks of the file for each question, so beside those a thousand questions take a second.
 */
#define QUESTIONS_MIN 1024
#define QUESTIONS_NS  (500 * SMQ_NS_PER_MS)

/* Parts of a range that wait to be searched. Each is the longer of two, so they are fewer than the bits of a length. */
#define RANGES_MAX 64

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
 *
 * `*ended`: the process that this search has found ended last, or 0. It is not asked about again for each of its
 * handles: a process that has this pid now began after that, so a handle of its own is newer than the search.
 */
static struct claimant read_lock(const struct flock *lock, uint32_t *ended)
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
	claimant.lives = claimant.pid != *ended && !smq_process_ended((int32_t)pid);
	if (!claimant.lives)
		*ended = claimant.pid;
	return claimant;
}

struct range {
	int64_t from, to;
};

static bool put_range(struct range range, struct range *ranges, int count)
{
	ranges[count] = range;
	return range.from < range.to;
}

/* Looks for a handle that lives and whose lock is in this range; or for all of them, to count them. */
static struct claimant find(int fd, int64_t from, int64_t to, uint32_t *living)
{
	struct range ranges[RANGES_MAX] = { { from, to } };
	int64_t until = smq_now_ns() + QUESTIONS_NS;
	uint32_t ended = 0;
	int count = 1;

	/* The kernel tells of any of the locks in a range, so what is before it and what is after it come next. A
	 * question that fails proves nothing: the handle counts as alive. The same if there is no end of questions, as
	 * beside a hostile process with thousands of locks. */
	for (int i = 0; count > 0; i++) {
		struct range range = ranges[--count], before, after;
		struct flock lock = lock_of(F_WRLCK, range.from, range.to);
		struct claimant claimant;
		bool longer_before;

		if ((i >= QUESTIONS_MIN && smq_now_ns() >= until) || fcntl(fd, F_OFD_GETLK, &lock) != 0)
			return (struct claimant){ .lives = true };
		if (lock.l_type == F_UNLCK)
			continue;
		claimant = read_lock(&lock, &ended);
		if (claimant.lives && living == NULL)
			return claimant;
		if (claimant.lives)
			++*living;
		before = (struct range){ range.from, lock.l_start };
		after = (struct range){ lock.l_start + lock.l_len, lock.l_len != 0 ? range.to : 0 };
		if (claimant.fills_slot) {
			before.to -= before.to % SMQ_LOCK_SLOT_BYTES;
			after.from += SMQ_LOCK_SLOT_BYTES - 1 - (after.from - 1) % SMQ_LOCK_SLOT_BYTES;
		}
		longer_before = before.to - before.from > after.to - after.from;
		count += put_range(longer_before ? before : after, ranges, count);
		count += put_range(longer_before ? after : before, ranges, count);
	}
	return (struct claimant){ .lives = false };
}

static struct claimant find_among(int fd, bool producer, uint32_t first, uint32_t last)
{
	if (first > last)
		return (struct claimant){ .lives = false };
	return find(fd, smq_lock_slot(producer, first), smq_lock_slot(producer, last) + SMQ_LOCK_SLOT_BYTES, NULL);
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

uint32_t smq_endlock_count(int fd, bool producer)
{
	uint32_t living = 0;

	find(fd, smq_lock_slot(producer, 1), smq_lock_slot(producer, SMQ_HANDLES_MAX) + SMQ_LOCK_SLOT_BYTES, &living);
	return living;
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
