/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "follower.h"

#include "shmemq.h"

#include <errno.h>
#include <unistd.h>

/* Jumps in a row, and reads of a call: an honest producer pushes a message after each jump. */
#define STEPS_MAX 100

void smq_follower_init(struct smq_follower *follower, const struct smq_identity *identity)
{
	uint64_t end = identity->header_bytes + identity->capacity;

	memset(follower, 0, offsetof(struct smq_follower, buffer));
	follower->id = identity->id;
	follower->broadcast = identity->flags & SHMEMQ_ATTR_BROADCAST;
	follower->rings = identity->capacity_max > identity->capacity ? 2 : 1;
	follower->track[0].records = identity->header_bytes;
	follower->track[1].records = end;
	follower->track[1].words = SMQ_EXTENSION_OFFSET;
	smq_ring_init(&follower->track[0].ring, NULL, identity->capacity, identity->alignment);
	smq_ring_init(&follower->track[1].ring, NULL, identity->capacity_max, identity->alignment);
}

bool smq_follower_read(int fd, void *to, size_t bytes, uint64_t offset)
{
	unsigned char *at = to;

	while (bytes != 0) {
		ssize_t copied = pread(fd, at, bytes, (off_t)offset);

		if (copied < 0 && errno == EINTR)
			continue;
		if (copied <= 0)
			return false;
		at += copied;
		bytes -= (size_t)copied;
		offset += (size_t)copied;
	}
	return true;
}

bool smq_follower_words(const struct smq_follower *follower, int fd, uint32_t extended,
			struct smq_producer_words *words)
{
	const size_t bytes = offsetof(struct smq_header, producer_claim) + sizeof(struct smq_claim);
	struct smq_header header; /* the first `bytes` of it */
	struct smq_progress *progress = &header.producer_progress;

	if (!smq_follower_read(fd, &header, bytes, 0) || header.identity.magic[0] != SMQ_MAGIC_0 ||
	    header.identity.magic[1] != SMQ_MAGIC_1 || header.identity.id != follower->id)
		return false;
	words->extended = smq_load(&progress->extended);
	words->claim = smq_load(&header.producer_claim.state);
	if (extended && !smq_follower_read(fd, progress, sizeof *progress,
					   follower->track[1].words + offsetof(struct smq_header, producer_progress)))
		return false;
	words->tail = smq_load(&progress->moved.position_units);
	words->limit = smq_load(&progress->limit_units);
	words->kept = extended ? smq_load(&progress->kept_units) : words->limit - follower->track[0].ring.mask - 1;
	words->messages_lo = smq_load(&progress->moved.messages_lo);
	words->messages_hi = smq_load(&progress->moved.messages_hi);
	words->bytes_lo = smq_load(&progress->moved.moved_lo);
	words->bytes_hi = smq_load(&progress->moved.moved_hi);
	words->counted = smq_load(&progress->counted_units);
	words->counted_messages = smq_load(&progress->counted_messages);
	words->counted_again = smq_load(&progress->counted_again);
	/* For the kernel's loads. The tail's release is in smq_ring_move(), the claim's in smq_claim_close(). */
	atomic_thread_fence(memory_order_acquire);
	return true;
}

void smq_follower_place(struct smq_follower *follower, uint32_t extended, uint32_t position, uint64_t number)
{
	follower->extended = extended;
	follower->track[extended].ring.position = position;
	follower->number = number;
	follower->overtaken = follower->untold = false;
	follower->units = 0;
}

static struct smq_track *current(struct smq_follower *follower)
{
	return &follower->track[follower->extended];
}

/* Copies a part of the ring that begins at `position`. The ring may end in between. */
static bool read_ring(const struct smq_track *track, int fd, uint32_t position, void *to, size_t bytes)
{
	uint64_t capacity = ((uint64_t)track->ring.mask + 1) * SMQ_UNIT;
	uint64_t offset = (uint64_t)(position & track->ring.mask) * SMQ_UNIT;
	size_t first = bytes < capacity - offset ? bytes : (size_t)(capacity - offset);

	return smq_follower_read(fd, to, first, track->records + offset) &&
	       smq_follower_read(fd, (unsigned char *)to + first, bytes - first, track->records);
}

static int64_t since(uint32_t lo, uint32_t hi, uint64_t before)
{
	int64_t more = (int64_t)(smq_ring_total(lo, hi) - before);

	return more > 0 ? more : 0; /* a kill may have left a total short */
}

/*
 * May the producer have written over the record at the follower's position? `after` was read after the copy. The lower
 * words of the totals are taken from what was read first, the upper ones from what was read last: see stat.c.
 *
 * The limit decides, unless it has come round: 2^32 units are 32 GiB. Each message takes up its size and a header, and
 * at least the alignment. So if by the totals no more than a ring and one operation have been pushed, the tail has gone
 * on by less than twice that, because padding takes up less than all of the rest; and it was at most a ring and one
 * operation after the follower's position before. Of the largest ring that is less than 32 GiB: the limit is right.
 */
static bool is_overtaken(const struct smq_track *track, const struct smq_producer_words *before,
			 const struct smq_producer_words *after)
{
	const struct smq_ring *ring = &track->ring;
	int64_t units = (int64_t)ring->mask + 1, lead = (int32_t)(after->limit - ring->position);
	int64_t most = units * SMQ_UNIT + ring->message_max + ring->align_mask + SMQ_UNIT;
	int64_t messages = since(before->messages_lo, after->messages_hi, track->messages);
	int64_t bytes = since(before->bytes_lo, after->bytes_hi, track->bytes);

	if (lead > units || lead < -units || (int32_t)(ring->position - after->kept) < 0)
		return true;
	return messages > most / (ring->align_mask + 1) || bytes + messages * SMQ_UNIT > most;
}

/* At the stored tail, or after it: copies one record if it has been published. `*units`: what was copied. */
static enum smq_ring_status copy_next(struct smq_follower *follower, int fd, uint32_t *units)
{
	const struct smq_track *track = current(follower);
	uint32_t header[2], again, bytes = sizeof header;

	if (!read_ring(track, fd, track->ring.position, header, sizeof header))
		return SMQ_BAD;
	/* Acquire: with the release in smq_ring_publish(), for what is read from now on. */
	atomic_thread_fence(memory_order_acquire);
	if (header[0] == 0)
		return SMQ_NOT_YET;
	if (header[0] != SMQ_JUMP && header[0] - 1 > track->ring.message_max)
		return SMQ_BAD;
	if (header[0] != SMQ_JUMP && header[0] - 1 <= SMQ_FOLLOWER_BYTES - SMQ_UNIT)
		bytes = (SMQ_UNIT + header[0] - 1 + SMQ_UNIT - 1) / SMQ_UNIT * SMQ_UNIT;
	if (!read_ring(track, fd, track->ring.position, follower->buffer, bytes))
		return SMQ_BAD;
	memcpy(&again, follower->buffer, sizeof again);
	*units = bytes / SMQ_UNIT;
	return again == header[0] ? SMQ_READY : SMQ_BAD;
}

/* Before the tail, by `units`: copies records. */
static enum smq_ring_status copy_many(struct smq_follower *follower, int fd, uint32_t *units)
{
	const struct smq_track *track = current(follower);

	if (*units > SMQ_FOLLOWER_BYTES / SMQ_UNIT)
		*units = SMQ_FOLLOWER_BYTES / SMQ_UNIT;
	return read_ring(track, fd, track->ring.position, follower->buffer, (size_t)*units * SMQ_UNIT) ? SMQ_READY
												       : SMQ_BAD;
}

/* F3 and F4. If the follower has been overtaken, nothing that it has copied means anything. */
static enum smq_ring_status verify(struct smq_follower *follower, int fd, const struct smq_producer_words *before,
				   enum smq_ring_status status)
{
	struct smq_track *track = current(follower);
	struct smq_producer_words after;

	/* F3. Its partner: the release fence in smq_ring_announce(). */
	atomic_thread_fence(memory_order_acquire);
	if (!smq_follower_words(follower, fd, follower->extended, &after))
		return SMQ_BAD;
	if (is_overtaken(track, before, &after))
		return SMQ_OVERTAKEN;
	track->messages = smq_ring_total(before->messages_lo, after.messages_hi);
	track->bytes = smq_ring_total(before->bytes_lo, after.bytes_hi);
	return status;
}

/* Reads on from the follower's position. */
static enum smq_ring_status fill(struct smq_follower *follower, int fd)
{
	const struct smq_track *track = current(follower);
	enum smq_ring_status status;
	struct smq_producer_words before;
	uint32_t units;

	follower->units = 0;
	follower->fills++;
	follower->from = track->ring.position;
	if (!smq_follower_words(follower, fd, follower->extended, &before))
		return SMQ_BAD;
	follower->claim = before.claim;
	units = before.tail - follower->from;
	if (units != 0 && units <= track->ring.mask + 1)
		status = copy_many(follower, fd, &units);
	else if (-units <= track->ring.mask + 1)
		status = copy_next(follower, fd, &units);
	else
		status = SMQ_BAD; /* the tail is garbage, unless the follower has been overtaken */
	status = verify(follower, fd, &before, status);
	if (status == SMQ_READY)
		follower->units = units;
	return status;
}

/* The record at the follower's position, in the buffer. */
static const unsigned char *buffered(const struct smq_follower *follower)
{
	uint32_t position = follower->track[follower->extended].ring.position;

	return follower->buffer + (size_t)(position - follower->from) * SMQ_UNIT;
}

/* Units that the buffer holds from there on. */
static uint32_t units_left(const struct smq_follower *follower)
{
	uint32_t position = follower->track[follower->extended].ring.position;

	return follower->units != 0 ? follower->from + follower->units - position : 0;
}

/* Goes on where a jump says. The jump's own ring is left at the jump, from where its producer goes on later. */
static enum smq_ring_status jump(struct smq_follower *follower, uint32_t target)
{
	if (follower->rings == 1 || !smq_position_is_aligned(&current(follower)->ring, target))
		return SMQ_BAD;
	smq_follower_place(follower, !follower->extended, target, follower->number);
	return SMQ_READY;
}

/* Of the buffer. SMQ_NOT_YET: there is no whole record. A jump's size is SMQ_JUMP - 1, and `*type` its target. */
static enum smq_ring_status parse(const struct smq_follower *follower, uint32_t *size, uint32_t *type)
{
	const struct smq_ring *ring = &follower->track[follower->extended].ring;
	uint32_t left = units_left(follower), header[2], units;

	if (left == 0)
		return SMQ_NOT_YET;
	memcpy(header, buffered(follower), sizeof header);
	*size = header[0] - 1;
	*type = header[1];
	if (header[0] == SMQ_JUMP)
		return SMQ_READY;
	if (header[0] == 0 || *size > ring->message_max)
		return SMQ_BAD; /* before the tail all records are published */
	units = (SMQ_UNIT + *size + SMQ_UNIT - 1) / SMQ_UNIT;
	/* If it is larger than the buffer, it will be read to where it is wanted. */
	if (units <= left || units > SMQ_FOLLOWER_BYTES / SMQ_UNIT)
		return SMQ_READY;
	/* It goes on after what was read; or it would end after the tail. */
	return follower->from != ring->position ? SMQ_NOT_YET : SMQ_BAD;
}

bool smq_follower_has(const struct smq_follower *follower, uint32_t *size)
{
	uint32_t type;

	return parse(follower, size, &type) == SMQ_READY && *size != SMQ_JUMP - 1;
}

enum smq_ring_status smq_follower_peek(struct smq_follower *follower, int fd, uint32_t *size)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		uint32_t type;
		enum smq_ring_status status = parse(follower, size, &type);

		if (status == SMQ_READY && *size != SMQ_JUMP - 1)
			return status;
		if (status == SMQ_READY)
			status = jump(follower, type);
		else if (status == SMQ_NOT_YET)
			status = fill(follower, fd);
		if (status != SMQ_READY)
			return status;
	}
	return SMQ_BAD;
}

void smq_follower_skip(struct smq_follower *follower, uint32_t size)
{
	struct smq_ring *ring = &current(follower)->ring;
	uint32_t units = smq_record_units(ring, size);

	if (units >= units_left(follower))
		follower->units = 0;
	ring->position += units;
	follower->number++;
}

enum smq_ring_status smq_follower_take(struct smq_follower *follower, int fd, void *to, uint32_t size, uint32_t *type)
{
	const struct smq_track *track = current(follower);
	uint32_t header[2];

	memcpy(header, buffered(follower), sizeof header);
	if (SMQ_UNIT + size <= units_left(follower) * SMQ_UNIT) {
		smq_copy(to, buffered(follower) + SMQ_UNIT, size);
	} else {
		struct smq_producer_words before;
		enum smq_ring_status status;

		follower->units = 0; /* also after an error: it is to be looked at again */
		if (!smq_follower_words(follower, fd, follower->extended, &before))
			return SMQ_BAD;
		status = read_ring(track, fd, track->ring.position + 1, to, size) ? SMQ_READY : SMQ_BAD;
		status = verify(follower, fd, &before, status);
		if (status != SMQ_READY)
			return status;
	}
	if (type != NULL)
		*type = header[1];
	smq_follower_skip(follower, size);
	follower->popped = follower->number;
	return SMQ_READY;
}
