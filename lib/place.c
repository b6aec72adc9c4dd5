/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "place.h"

#include <string.h>

#include "survey.h"

/* Messages that are counted one by one: more than a 64th of the largest ring has. */
#define COUNTED_MAX (1u << 25)
/*
 * Times that the buffer is filled in one search. A 64th of the largest ring takes some 2000; only jumps that a hostile
 * writer has made lead round and round.
 */
#define FILLS_MAX 16384
/* A producer may overtake a follower that looks for its place. */
#define ATTEMPTS 100

/*
 * Walks from where the follower is to a position, or as far as records go. SMQ_READY: it is there, and `*count`
 * messages lie between. SMQ_OVERTAKEN: that cannot be said.
 */
static enum smq_ring_status walk(struct smq_follower *follower, int fd, uint32_t extended, uint32_t position,
				 uint64_t *count)
{
	const uint32_t *there = &follower->track[extended].ring.position;
	uint64_t number = follower->number;
	uint32_t size;

	for (uint32_t i = 0; i < COUNTED_MAX && follower->fills < FILLS_MAX; i++) {
		enum smq_ring_status status;

		*count = follower->number - number;
		/* A jump may stand there, which the look would follow. */
		if (follower->extended == extended && *there == position)
			return SMQ_READY;
		status = smq_follower_peek(follower, fd, &size);
		if (status == SMQ_BAD || status == SMQ_OVERTAKEN)
			return status;
		if (follower->extended == extended && (int32_t)(*there - position) >= 0)
			return *there == position ? SMQ_READY : SMQ_OVERTAKEN; /* no record begins there */
		if (status == SMQ_NOT_YET)
			return SMQ_OVERTAKEN;
		smq_follower_skip(follower, size);
	}
	return SMQ_OVERTAKEN;
}

/* Puts the follower there, with the number that an entry before it tells, and what lies between. */
static enum smq_ring_status place_after(struct smq_follower *follower, int fd, const struct smq_place *entry,
					uint32_t extended, uint32_t position)
{
	uint64_t count;

	smq_follower_place(follower, entry->extended, entry->position, entry->number);
	return walk(follower, fd, extended, position, &count);
}

/* Has nothing been pushed? */
static bool is_new(const struct smq_map *map)
{
	return map->total == 0 && map->ring[map->extended].words.limit == 0;
}

/*
 * Before the first message. Not at the tail that was read, nor at one that is read now: the producer may be pushing it.
 * If that message is too large for the ring, a jump stands here.
 */
static enum smq_ring_status place_at_start(struct smq_follower *follower)
{
	smq_follower_place(follower, 0, smq_start_units(follower->track[0].ring.align_mask + 1), 0);
	return SMQ_READY;
}

/*
 * At the tail of a producer that rests, or is dead: `map` and what is read now are the same. What belongs to a ring is
 * read after in which ring the producer is, and its count was stored before that. So it is the one of this stay in the
 * ring, or a later one; and of three equal words the second belongs to the others, since it was the same in two looks.
 *
 * If the record of the count is not intact by the limit, the producer is between the stores of the limit and of the
 * count, and not in the middle of a push: its total is exact. It had come there before the first look ended, since that
 * saw the same limit; and the total was read after that.
 */
static enum smq_ring_status place_by_count(struct smq_follower *follower, int fd, const struct smq_map *map)
{
	const struct smq_producer_words *then = &map->ring[map->extended].words, *now;
	const struct smq_ring *ring = &follower->track[map->extended].ring;
	struct smq_place count;
	struct smq_map again;

	if (!smq_survey_queue(follower, fd, &again))
		return SMQ_BAD;
	now = &again.ring[map->extended].words;
	if (again.extended != map->extended || again.total != map->total || now->tail != then->tail ||
	    now->limit != then->limit || now->kept != then->kept || now->counted != then->counted ||
	    now->counted_messages != then->counted_messages || now->counted_again != then->counted_again)
		return SMQ_OVERTAKEN;
	count = (struct smq_place){ map->extended, now->counted, smq_survey_number(map, now->counted_messages) };
	if (now->counted == now->counted_again && now->tail - now->counted <= ring->mask &&
	    smq_position_is_aligned(ring, now->counted) && smq_follower_is_intact(ring, now, now->counted, 0))
		return place_after(follower, fd, &count, map->extended, now->tail);
	/* While it stores the limit, the index and the count, its total is exact. */
	smq_follower_place(follower, map->extended, now->tail, map->total);
	return SMQ_READY;
}

/* At the producer's tail. */
static enum smq_ring_status place_at_tail(struct smq_follower *follower, int fd, const struct smq_map *map)
{
	const struct smq_producer_words *words = &map->ring[map->extended].words;
	struct smq_place entry;

	if (!smq_position_is_aligned(&follower->track[map->extended].ring, words->tail))
		return SMQ_BAD;
	if (smq_survey_newest(follower, map, UINT64_MAX, &entry)) {
		enum smq_ring_status status = place_after(follower, fd, &entry, map->extended, words->tail);

		if (status != SMQ_OVERTAKEN)
			return status;
	} else if (is_new(map)) {
		return place_at_start(follower);
	}
	/* The index that was read is from before the limit by a ring. Or the producer was killed, or rests, between the
	 * two. Or, of a queue that grows, it has come here by a jump that is gone. */
	return place_by_count(follower, fd, map);
}

/* At the consumer's head, if the producer rests: its number is the tail's, less what lies between. */
static enum smq_ring_status place_before_tail(struct smq_follower *follower, int fd, const struct smq_map *map,
					      uint32_t extended, uint32_t head)
{
	enum smq_ring_status status;
	uint64_t count;

	smq_follower_place(follower, extended, head, 0);
	status = walk(follower, fd, map->extended, map->ring[map->extended].words.tail, &count);
	if (status == SMQ_READY)
		status = place_by_count(follower, fd, map);
	if (status == SMQ_READY)
		smq_follower_place(follower, extended, head, follower->number - count);
	return status;
}

/* At the consumer's head. */
static enum smq_ring_status place_at_head(struct smq_follower *follower, int fd, const struct smq_map *map,
					  uint32_t extended, uint32_t head)
{
	enum smq_ring_status status;
	struct smq_place entry;
	uint64_t count;

	if (extended == map->extended && head == map->ring[extended].words.tail)
		return place_at_tail(follower, fd, map);
	if (smq_survey_nearest(follower, map, extended, head, true, &entry)) {
		status = place_after(follower, fd, &entry, extended, head);
		if (status != SMQ_OVERTAKEN)
			return status;
	}
	/* The 64th of a message that is still queued may have begun with one that is overwritten by now. */
	if (smq_survey_nearest(follower, map, extended, head, false, &entry)) {
		smq_follower_place(follower, extended, head, 0);
		status = walk(follower, fd, extended, entry.position, &count);
		smq_follower_place(follower, extended, head, entry.number - count);
		if (status != SMQ_OVERTAKEN)
			return status;
	}
	/* The consumer has come there over a jump. */
	return place_before_tail(follower, fd, map, extended, head);
}

enum smq_ring_status smq_place_newest(struct smq_follower *follower, int fd)
{
	struct smq_map map;
	struct smq_place entry;

	follower->fills = 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		enum smq_ring_status status =
			smq_survey_queue(follower, fd, &map) ? place_at_tail(follower, fd, &map) : SMQ_BAD;

		if (status != SMQ_OVERTAKEN)
			return status;
	}
	if (smq_survey_newest(follower, &map, UINT64_MAX, &entry)) {
		smq_follower_place(follower, entry.extended, entry.position, entry.number);
		return SMQ_READY;
	}
	smq_follower_place(follower, map.extended, map.ring[map.extended].words.tail, map.total);
	return SMQ_OVERTAKEN;
}

enum smq_ring_status smq_place_number(struct smq_follower *follower, int fd, uint64_t number)
{
	struct smq_place entry;
	struct smq_map map;
	uint32_t size;

	if (!smq_survey_queue(follower, fd, &map))
		return SMQ_BAD;
	if (!smq_survey_newest(follower, &map, number, &entry))
		return SMQ_OVERTAKEN;
	smq_follower_place(follower, entry.extended, entry.position, entry.number);
	follower->fills = 0;
	for (uint32_t i = 0; i < COUNTED_MAX && follower->fills < FILLS_MAX; i++) {
		enum smq_ring_status status = smq_follower_peek(follower, fd, &size);

		if (status == SMQ_BAD || status == SMQ_OVERTAKEN)
			return status;
		if (follower->number == number)
			return SMQ_READY;
		if (status == SMQ_NOT_YET)
			break;
		smq_follower_skip(follower, size);
	}
	return SMQ_OVERTAKEN;
}

enum smq_ring_status smq_place_queued(struct smq_follower *follower, int fd)
{
	struct smq_map map;
	uint32_t extended, head;

	follower->fills = 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		enum smq_ring_status status =
			smq_survey_head(follower, fd, &extended, &head) && smq_survey_queue(follower, fd, &map)
				? place_at_head(follower, fd, &map, extended, head)
				: SMQ_BAD;

		if (status != SMQ_OVERTAKEN)
			return status;
	}
	return smq_place_oldest(follower, fd, 0);
}

enum smq_ring_status smq_place_oldest(struct smq_follower *follower, int fd, uint64_t least)
{
	bool placed = false;
	struct smq_place place = { 0 };
	struct smq_map map;
	uint32_t size;

	/* Each time that the producer overtakes it, the next place is further away, by a quarter of the ring. */
	for (int i = 0, quarters = 0; i < ATTEMPTS && quarters < SMQ_QUARTERS; i++) {
		enum smq_ring_status status;

		if (!smq_survey_queue(follower, fd, &map))
			return SMQ_BAD;
		if (is_new(&map))
			return place_at_start(follower);
		/* None: the producer has gone round meanwhile. */
		if (!smq_survey_oldest(follower, &map, least, quarters, &place)) {
			if (follower->rings > 1 && placed)
				return smq_place_newest(follower, fd);
			quarters -= quarters > 0;
			continue;
		}
		smq_follower_place(follower, place.extended, place.position, place.number);
		placed = true;
		status = smq_follower_peek(follower, fd, &size);
		if (status != SMQ_OVERTAKEN)
			return status == SMQ_BAD ? SMQ_BAD : SMQ_READY;
		/* It may also be that a jump alone is left there. */
		if (follower->rings > 1)
			least = place.number + 1;
		else
			quarters++;
	}
	/* No entry tells of a message that comes after what was given back, or of any. */
	return placed ? SMQ_READY : smq_place_newest(follower, fd);
}

static bool read_words(const struct smq_follower *follower, int fd, struct smq_producer_words words[2])
{
	memset(words, 0, 2 * sizeof *words);
	return smq_follower_words(follower, fd, 0, &words[0]) &&
	       (follower->rings == 1 || smq_follower_words(follower, fd, 1, &words[1]));
}

enum smq_ring_status smq_place_again(struct smq_follower *follower, int fd, uint32_t *size)
{
	struct smq_producer_words before[2], after[2];
	enum smq_ring_status status;

	if (!read_words(follower, fd, before))
		return SMQ_BAD;
	follower->claim = before[0].claim;
	status = smq_place_oldest(follower, fd, follower->number);
	if (status == SMQ_READY)
		status = smq_follower_peek(follower, fd, size);
	if (status != SMQ_OVERTAKEN)
		return status;
	follower->overtaken = true;
	if (!read_words(follower, fd, after))
		return SMQ_BAD;
	return memcmp(before, after, sizeof before) == 0 ? SMQ_NOT_YET : SMQ_OVERTAKEN;
}
