/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "place.h"

#include "endlock.h"
#include "shmemq.h"

/* Messages that are counted one by one: more than a 64th of the largest ring has. */
#define COUNTED_MAX (1u << 25)
/*
 * Times that the buffer is filled in one search. A 64th of the largest ring takes some 2000; only jumps that a hostile
 * writer has made lead round and round.
 */
#define FILLS_MAX 16384
/* A producer may overtake a follower that looks for its place. */
#define ATTEMPTS 100
/* Each time that it does, the next place is further away from it, by a quarter of the ring. */
#define QUARTERS 4

/* A record that the index tells of. */
struct place {
	uint32_t extended;
	uint32_t position;
	uint64_t number;
};

/* What was read of one ring. */
struct survey {
	struct smq_producer_words words;
	uint32_t tail; /* before the index was read */
	uint32_t positions[SMQ_INDEX_ENTRIES], numbers[SMQ_INDEX_ENTRIES];
	bool changed[SMQ_INDEX_ENTRIES]; /* while it was read */
};

/* What was read of the queue: both rings, of which there may be only one. */
struct map {
	struct survey ring[2];
	uint32_t rings;
	uint32_t extended; /* in which the producer is */
	uint64_t total;    /* messages pushed, but for the operation that is going on */
};

static bool read_index(int fd, uint64_t words, struct smq_index index[SMQ_INDEX_ENTRIES])
{
	if (!smq_follower_read(fd, index, sizeof(struct smq_index[SMQ_INDEX_ENTRIES]),
			       words + offsetof(struct smq_header, index)))
		return false;
	atomic_thread_fence(memory_order_acquire); /* for the kernel's loads */
	return true;
}

/*
 * The positions are read first, then the numbers, then the positions again, then the limit. A number is stored before
 * its position, and after the position was made invalid: so if the position has not changed, the number is its own.
 */
static bool survey_ring(struct smq_follower *follower, int fd, uint32_t extended, struct survey *survey)
{
	struct smq_track *track = &follower->track[extended];
	struct smq_index first[SMQ_INDEX_ENTRIES], second[SMQ_INDEX_ENTRIES], third[SMQ_INDEX_ENTRIES];
	struct smq_producer_words before;

	/* The tail first: what is entered after it may be for a jump that never came, with another number. */
	if (!smq_follower_words(follower, fd, extended, &before))
		return false;
	survey->tail = before.tail;
	if (!read_index(fd, track->words, first) || !read_index(fd, track->words, second) ||
	    !read_index(fd, track->words, third) || !smq_follower_words(follower, fd, extended, &before) ||
	    !smq_follower_words(follower, fd, extended, &survey->words))
		return false;
	for (int i = 0; i < SMQ_INDEX_ENTRIES; i++) {
		uint32_t again = atomic_load_explicit(&third[i].position_units, memory_order_relaxed);

		survey->positions[i] = atomic_load_explicit(&first[i].position_units, memory_order_relaxed);
		survey->numbers[i] = atomic_load_explicit(&second[i].messages_lo, memory_order_relaxed);
		survey->changed[i] = survey->positions[i] != again;
	}
	/* Wherever the follower is placed, it is at most a ring before this. */
	track->messages = smq_ring_total(before.messages_lo, survey->words.messages_hi);
	track->bytes = smq_ring_total(before.bytes_lo, survey->words.bytes_hi);
	follower->claim = before.claim;
	return true;
}

static bool survey_queue(struct smq_follower *follower, int fd, struct map *map)
{
	map->rings = follower->rings;
	if (!survey_ring(follower, fd, 0, &map->ring[0]))
		return false;
	map->total = follower->track[0].messages;
	if (map->rings > 1) {
		if (!survey_ring(follower, fd, 1, &map->ring[1]))
			return false;
		map->total += follower->track[1].messages;
	}
	map->extended = map->ring[0].words.extended;
	return map->extended < map->rings;
}

/* Of its lower word. The total may lag by an operation. */
static uint64_t whole_number(const struct map *map, uint32_t messages)
{
	return map->total + (uint64_t)(int64_t)(int32_t)(messages - (uint32_t)map->total);
}

/* Is what an entry says a record that is at least `slack` units from being overwritten? */
static bool get_entry(const struct smq_follower *follower, const struct map *map, uint32_t extended, uint32_t entry,
		      uint32_t slack, struct place *place)
{
	const struct smq_ring *ring = &follower->track[extended].ring;
	const struct survey *survey = &map->ring[extended];
	uint32_t position = survey->positions[entry], limit = survey->words.limit, capacity = ring->mask + 1;
	/* The last 64th before the limit that has this entry, and where it ends. */
	uint32_t last = limit / smq_room_step(ring) - 1;
	uint32_t end = (last - (last - entry) % SMQ_INDEX_ENTRIES + 1) * smq_room_step(ring);

	if (survey->changed[entry] || !smq_position_is_aligned(ring, position) ||
	    (int32_t)(position - survey->tail) > 0 || end - position - 1 >= capacity ||
	    !smq_follower_is_intact(ring, &survey->words, position, slack) ||
	    !smq_index_is_set(position, survey->numbers[entry], extended != 0))
		return false;
	place->number = whole_number(map, survey->numbers[entry]);
	place->extended = extended;
	place->position = position;
	return true;
}

/* The entry with the lowest number from `least` on, in both rings. false: there is none. */
static bool find_oldest(const struct smq_follower *follower, const struct map *map, uint64_t least, int quarters,
			struct place *oldest)
{
	struct place place;
	bool found = false;

	for (uint32_t i = 0; i < map->rings * SMQ_INDEX_ENTRIES; i++) {
		uint32_t extended = i / SMQ_INDEX_ENTRIES;
		uint32_t slack = (follower->track[extended].ring.mask + 1) / QUARTERS * (uint32_t)quarters;

		if (!get_entry(follower, map, extended, i % SMQ_INDEX_ENTRIES, slack, &place))
			continue;
		if ((int64_t)(place.number - least) >= 0 && (!found || place.number < oldest->number)) {
			*oldest = place;
			found = true;
		}
	}
	return found;
}

/* The entry with the highest number up to `most`, in both rings: the producer has come from there, maybe over jumps. */
static bool find_newest(const struct smq_follower *follower, const struct map *map, uint64_t most, struct place *newest)
{
	struct place place;
	bool found = false;

	for (uint32_t i = 0; i < map->rings * SMQ_INDEX_ENTRIES; i++) {
		if (get_entry(follower, map, i / SMQ_INDEX_ENTRIES, i % SMQ_INDEX_ENTRIES, 0, &place) &&
		    place.number <= most && (!found || place.number > newest->number)) {
			*newest = place;
			found = true;
		}
	}
	return found;
}

/*
 * The entry in a ring that is nearest to a position: `before`: the last one up to it; else the first one from it on.
 * false: there is none.
 */
static bool find_nearest(const struct smq_follower *follower, const struct map *map, uint32_t extended,
			 uint32_t position, bool before, struct place *nearest)
{
	struct place place;
	bool found = false;

	for (uint32_t i = 0; i < SMQ_INDEX_ENTRIES; i++) {
		int32_t distance;

		if (!get_entry(follower, map, extended, i, 0, &place))
			continue;
		distance = (int32_t)(before ? position - place.position : place.position - position);
		if (distance >= 0 && (!found || distance < (int32_t)(before ? position - nearest->position
									    : nearest->position - position))) {
			*nearest = place;
			found = true;
		}
	}
	return found;
}

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
static enum smq_ring_status place_after(struct smq_follower *follower, int fd, const struct place *entry,
					uint32_t extended, uint32_t position)
{
	uint64_t count;

	smq_follower_place(follower, entry->extended, entry->position, entry->number);
	return walk(follower, fd, extended, position, &count);
}

/* Has nothing been pushed? */
static bool is_new(const struct map *map)
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
 */
static enum smq_ring_status place_by_count(struct smq_follower *follower, int fd, const struct map *map)
{
	const struct smq_producer_words *then = &map->ring[map->extended].words, *now;
	const struct smq_ring *ring = &follower->track[map->extended].ring;
	struct place count;
	struct map again;

	if (!survey_queue(follower, fd, &again))
		return SMQ_BAD;
	now = &again.ring[map->extended].words;
	if (again.extended != map->extended || again.total != map->total || now->tail != then->tail ||
	    now->counted != then->counted || now->counted_messages != then->counted_messages ||
	    now->counted_again != then->counted_again)
		return SMQ_OVERTAKEN;
	count = (struct place){ map->extended, now->counted, whole_number(map, now->counted_messages) };
	if (now->counted == now->counted_again && now->tail - now->counted <= ring->mask &&
	    smq_position_is_aligned(ring, now->counted))
		return place_after(follower, fd, &count, map->extended, now->tail);
	/* While it stores the count, its total is exact. */
	smq_follower_place(follower, map->extended, now->tail, map->total);
	return SMQ_READY;
}

/* At the producer's tail. */
static enum smq_ring_status place_at_tail(struct smq_follower *follower, int fd, const struct map *map)
{
	const struct smq_producer_words *words = &map->ring[map->extended].words;
	struct place entry;

	if (!smq_position_is_aligned(&follower->track[map->extended].ring, words->tail))
		return SMQ_BAD;
	if (find_newest(follower, map, UINT64_MAX, &entry)) {
		enum smq_ring_status status = place_after(follower, fd, &entry, map->extended, words->tail);

		if (status != SMQ_OVERTAKEN)
			return status;
	} else if (is_new(map)) {
		return place_at_start(follower);
	}
	/* The index that was read is from before the limit by a ring. Or, of a queue that grows, the producer has come
	 * here by a jump that is gone. */
	return follower->rings == 1 ? SMQ_OVERTAKEN : place_by_count(follower, fd, map);
}

/* At the consumer's head, if the producer rests: its number is the tail's, less what lies between. */
static enum smq_ring_status place_before_tail(struct smq_follower *follower, int fd, const struct map *map,
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
static enum smq_ring_status place_at_head(struct smq_follower *follower, int fd, const struct map *map,
					  uint32_t extended, uint32_t head)
{
	enum smq_ring_status status;
	struct place entry;
	uint64_t count;

	if (extended == map->extended && head == map->ring[extended].words.tail)
		return place_at_tail(follower, fd, map);
	if (find_nearest(follower, map, extended, head, true, &entry)) {
		status = place_after(follower, fd, &entry, extended, head);
		if (status != SMQ_OVERTAKEN)
			return status;
	}
	/* The 64th of a message that is still queued may have begun with one that is overwritten by now. */
	if (find_nearest(follower, map, extended, head, false, &entry)) {
		smq_follower_place(follower, extended, head, 0);
		status = walk(follower, fd, extended, entry.position, &count);
		smq_follower_place(follower, extended, head, entry.number - count);
		if (status != SMQ_OVERTAKEN)
			return status;
	}
	/* The consumer has come there over a jump. */
	return place_before_tail(follower, fd, map, extended, head);
}

/* Where the consumer of a broadcast queue is that is furthest back; or the tail, if there is none. false: as below. */
static bool find_slowest(const struct smq_follower *follower, int fd, uint32_t *head)
{
	const struct smq_ring *ring = &follower->track[0].ring;
	struct smq_reader readers[SMQ_READERS_MAX];
	struct smq_producer_words words;
	uint32_t greatest = 0;

	if (!smq_follower_words(follower, fd, 0, &words) ||
	    !smq_follower_read(fd, readers, sizeof readers, SMQ_READERS_OFFSET))
		return false;
	for (uint32_t i = 0; i < SMQ_READERS_MAX; i++) {
		uint32_t claim = atomic_load_explicit(&readers[i].claim.state, memory_order_relaxed);
		uint32_t position = atomic_load_explicit(&readers[i].moved[0].position_units, memory_order_relaxed);
		uint32_t lag = words.tail - position;

		/* After the tail: it has popped more since. */
		if (smq_claim_state(claim) == SHMEMQ_END_OPEN && smq_position_is_aligned(ring, position) &&
		    lag > greatest && lag <= ring->mask && smq_endlock_number_held(fd, false, i + 1))
			greatest = lag;
	}
	*head = words.tail - greatest;
	return smq_position_is_aligned(ring, *head);
}

/* Where the consumer is. false: that is no position, or the file is gone. */
static bool find_head(const struct smq_follower *follower, int fd, uint32_t *extended, uint32_t *head)
{
	struct smq_progress progress;
	uint64_t offset = offsetof(struct smq_header, consumer_progress);

	*extended = 0;
	if (follower->broadcast)
		return find_slowest(follower, fd, head);
	if (!smq_follower_read(fd, &progress, sizeof progress, offset))
		return false;
	*extended = atomic_load_explicit(&progress.extended, memory_order_relaxed);
	if (*extended >= follower->rings)
		return false;
	if (*extended && !smq_follower_read(fd, &progress, sizeof progress, follower->track[1].words + offset))
		return false;
	*head = atomic_load_explicit(&progress.moved.position_units, memory_order_relaxed);
	/* What is read from now on was stored after what the consumer has read. */
	atomic_thread_fence(memory_order_acquire);
	return smq_position_is_aligned(&follower->track[*extended].ring, *head);
}

enum smq_ring_status smq_place_newest(struct smq_follower *follower, int fd)
{
	struct map map;
	struct place entry;

	follower->fills = 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		enum smq_ring_status status =
			survey_queue(follower, fd, &map) ? place_at_tail(follower, fd, &map) : SMQ_BAD;

		if (status != SMQ_OVERTAKEN)
			return status;
	}
	if (find_newest(follower, &map, UINT64_MAX, &entry)) {
		smq_follower_place(follower, entry.extended, entry.position, entry.number);
		return SMQ_READY;
	}
	smq_follower_place(follower, map.extended, map.ring[map.extended].words.tail, map.total);
	return SMQ_OVERTAKEN;
}

enum smq_ring_status smq_place_number(struct smq_follower *follower, int fd, uint64_t number)
{
	struct place entry;
	struct map map;
	uint32_t size;

	if (!survey_queue(follower, fd, &map))
		return SMQ_BAD;
	if (!find_newest(follower, &map, number, &entry))
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
	struct map map;
	uint32_t extended, head;

	follower->fills = 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		enum smq_ring_status status =
			find_head(follower, fd, &extended, &head) && survey_queue(follower, fd, &map)
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
	struct place place = { 0 };
	struct map map;
	uint32_t size;

	for (int i = 0, quarters = 0; i < ATTEMPTS && quarters < QUARTERS; i++) {
		enum smq_ring_status status;

		if (!survey_queue(follower, fd, &map))
			return SMQ_BAD;
		if (is_new(&map))
			return place_at_start(follower);
		/* None: the producer has gone round meanwhile. */
		if (!find_oldest(follower, &map, least, quarters, &place)) {
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
	if (placed || follower->rings == 1)
		return placed ? SMQ_READY : SMQ_OVERTAKEN;
	/* No entry tells of a message that comes after what was given back. */
	return smq_place_newest(follower, fd);
}
