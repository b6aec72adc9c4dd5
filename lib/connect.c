/* SPDX-License-Identifier: MIT */
/* What every open has in common, whether by name or by descriptor. */
#include "config.h"

#include "connect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "acquire.h"
#include "attach.h"
#include "endlock.h"
#include "follow.h"
#include "mapping.h"
#include "file.h"
#include "identity.h"
#include "note.h"

static struct smq_wait *wait_of(struct smq_header *header, bool producer)
{
	return producer ? &header->producer_wait : &header->consumer_wait;
}

/* May the handle's end have many handles? */
static bool has_many(const struct shmemq *q)
{
	return q->state & SMQ_SHARED || smq_is_reader(q);
}

/* Locks the end in the file of fd's description, under the init lock, and so gets a number. 0, EBUSY, ENOMEM. */
static int lock_end(struct shmemq *q, int fd, uint32_t *number)
{
	struct smq_progress *progress = smq_own_progress(q);
	/* Relaxed: the init lock orders it. The count of claims, so that numbers are not soon used again. */
	uint32_t claims = atomic_load_explicit(&smq_claim_of(q->header, q->producer)->state, memory_order_relaxed) /
			  SMQ_CLAIM_ONE;
	uint32_t most = smq_is_reader(q) ? SMQ_READERS_MAX : SMQ_HANDLES_MAX;
	int err = smq_endlock_claim(fd, q->producer, has_many(q), most, claims % most, &progress->owner, number);

	q->eventcount.shared = has_many(q);
	if (err == 0 && q->state & SMQ_SHARED) {
		q->ownerlock.number = *number;
		q->ownerlock.word = &progress->owner;
	}
	return err;
}

/*
 * Attaches the handle to the mapped memory, under the init lock and with the end's lock of this number held. `alone`:
 * no other handle has the end. 0 or EBADMSG.
 */
static int attach_handle(struct shmemq *q, uint32_t number, bool alone, bool registered)
{
	struct smq_claim *own = smq_claim_of(q->header, q->producer), *peer = smq_claim_of(q->header, !q->producer);

	if (smq_is_reader(q)) {
		if (smq_readers_join(q, number) != SMQ_READY)
			return EBADMSG;
	} else if (alone) {
		if (smq_attach(q) != SMQ_READY)
			return EBADMSG;
		if (SMQ_PROBES &&
		    smq_claim_state(smq_load(&own->state)) == SHMEMQ_END_OPEN) /* and its holder is dead */
			SMQ_PROBE(takeover, smq_probed_id(q), smq_probed_end(q), smq_load(&own->pid));
		/* No other handle is left, so a number in the owner word is a dead handle's. */
		atomic_store_explicit(&smq_own_progress(q)->owner, 0, memory_order_relaxed);
	} else if (smq_is_elastic(q)) {
		smq_extension_attach_shared(q);
	} else {
		smq_ring_attach_shared(&q->ring, q->header, q->producer);
	}
	q->eventcount.own = wait_of(q->header, q->producer);
	q->eventcount.peer = wait_of(q->header, !q->producer);
	q->eventcount.own_fence = &own->fence;
	q->eventcount.peer_fence = &peer->fence;
	smq_eventcount_attach(&q->eventcount, registered, alone);
	q->peer.quiet_claim = SMQ_NOT_QUIET;
	smq_note_begin(q);
	smq_claim_open(own);
	smq_notify_fenced(q); /* a peer that polls learns that this end is back */
	return 0;
}

/* Opens what has the name now, or, for a handle without a name, what `from` has open. With both either does. */
static int open_object(const struct shmemq *q, int from, int access, int *fd)
{
	/* It has been looked at already, and the name is compared under the init lock. ENOENT: no /proc. */
	if (smq_has_name(q) && from >= 0) {
		int err = smq_file_reopen_own(from, O_RDWR, fd);

		if (err != ENOENT)
			return err;
	}
	return smq_has_name(q) ? smq_file_open(q->path, access, fd) : smq_file_reopen(from, access, fd);
}

/* `records`: the mapped ring; an observer's is NULL. */
static void set_identity(struct shmemq *q, const struct smq_identity *identity, void *records)
{
	q->flags = (uint16_t)identity->flags;
	smq_ring_init(&q->ring, records, identity->capacity, identity->alignment);
	if (smq_extension_length(identity) != 0)
		smq_extension_init(q, identity, records);
	if (smq_is_broadcaster(q)) {
		q->ring.readers = smq_reader_of(q->header, 1);
		q->stay = true;
	}
}

/* Is it an end that such a queue has? A consumer of a broadcast queue does not share its position. 0 or EINVAL. */
static int check_end(const struct smq_identity *identity, unsigned flags)
{
	return identity->flags & SHMEMQ_ATTR_BROADCAST && flags & SHMEMQ_CONSUMER && flags & SHMEMQ_SHARED ? EINVAL : 0;
}

/* Makes what a handle of such a queue needs beside its block, once. 0 or ENOMEM. */
static int make_more(struct shmemq *q, const struct smq_identity *identity)
{
	bool limited = identity->messages_max != 0 && q->producer;

	if (!limited && !q->follower && smq_extension_length(identity) == 0)
		return 0;
	if (q->more == NULL && (q->more = calloc(1, sizeof *q->more)) == NULL)
		return ENOMEM;
	if (limited) {
		q->more->messages_max = identity->messages_max;
		q->state |= SMQ_LIMITED;
	}
	return 0;
}

/*
 * Claims an end of the queue that q->fd has open. The claim's lock belongs to a second description, which only the
 * mapping keeps open: its descriptor is closed again.
 */
static int claim_end(struct shmemq *q, bool registered)
{
	struct smq_identity identity;
	uint32_t number;
	bool alone;
	void *map;
	int fd, err;

	err = open_object(q, q->fd, O_RDWR, &fd);
	if (err != 0)
		return err;
	/* Not with `fd`: a process that dies here may leave the mapping's locks behind for a while (endlock.h). */
	err = smq_initlock_lock(q->fd);
	if (err != 0)
		goto out;
	/* After the lock, because a name is removed under the init lock of the queue that has it. */
	if (smq_has_name(q) &&
	    (!smq_file_has_name(AT_FDCWD, q->path, fd) || !smq_file_has_name(AT_FDCWD, q->path, q->fd)))
		err = SMQ_START_OVER;
	if (err == 0)
		err = smq_identity_read(fd, &identity);
	if (err == 0)
		q->flags = (uint16_t)identity.flags;
	if (err == 0)
		err = smq_endlock_look(fd, q->producer, has_many(q), &alone);
	if (err == 0)
		err = make_more(q, &identity);
	if (err == 0)
		err = smq_mapping_make(fd, &identity, q->producer, &map);
	if (err == 0) {
		q->header = map;
		set_identity(q, &identity, (unsigned char *)map + identity.header_bytes);
		err = lock_end(q, fd, &number);
		if (err == 0)
			err = attach_handle(q, number, alone, registered);
		if (err != 0)
			smq_mapping_unmap(map, identity.header_bytes, identity.capacity,
					  smq_extension_length(&identity));
	}
	smq_initlock_unlock(q->fd);
out:
	close(fd);
	return err;
}

/* No ring is mapped: stat.c and follower.c read what they need. */
static int observe(struct shmemq *q, bool writable)
{
	struct smq_identity identity;
	int err = smq_identity_read(q->fd, &identity);

	if (err == 0)
		err = make_more(q, &identity);
	if (err != 0)
		return err;
	q->observed_id = identity.id;
	set_identity(q, &identity, NULL);
	return q->follower ? smq_follow_open(q, &identity, writable) : 0;
}

/* As open_object(), for a new handle. `*writable`: for writing too, which a follower can do without. */
static int open_for(const struct shmemq *q, int from, bool *writable, int *fd)
{
	int err;

	*writable = !q->observer || q->follower;
	err = open_object(q, from, *writable ? O_RDWR : O_RDONLY, fd);
	if (err != EACCES || !q->follower)
		return err;
	*writable = false;
	return open_object(q, from, O_RDONLY, fd);
}

int smq_connect(struct shmemq *q, int from, unsigned flags, bool registered)
{
	struct smq_identity identity;
	bool writable;
	int err, fd;

	err = open_for(q, from, &writable, &fd);
	if (err != 0)
		return err;
	smq_handle_set_fd(q, fd);
	if (q->observer)
		err = observe(q, writable);
	else if ((err = smq_identity_read(q->fd, &identity)) == 0 && /* before anything is changed, even a lock */
		 (err = check_end(&identity, flags)) == 0)
		err = claim_end(q, registered);
	if (err != 0) {
		close(q->fd);
		return err;
	}
	if (q->flags & SHMEMQ_ATTR_TEMPORARY && smq_has_name(q) && !q->observer)
		q->directory = smq_file_open_directory();
	if (flags & SHMEMQ_PREFAULT) /* without the init lock, since it may take long */
		smq_mapping_prefault(q->header, smq_header_bytes(q), smq_capacity(q), q->producer);
	return 0;
}
