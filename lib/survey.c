/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "survey.h"

#include "endlock.h"
#include "shmemq.h"

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
static bool survey_ring(struct smq_follower *follower, int fd, uint32_t extended, struct smq_survey *survey)
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

bool smq_survey_queue(struct smq_follower *follower, int fd, struct smq_map *map)
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

/* Is what an entry says a record that is at least `slack` units from being overwritten? */
static bool get_entry(const struct smq_follower *follower, const struct smq_map *map, uint32_t extended, uint32_t entry,
		      uint32_t slack, struct smq_place *place)
{
	const struct smq_ring *ring = &follower->track[extended].ring;
	const struct smq_survey *survey = &map->ring[extended];
	uint32_t position = survey->positions[entry], limit = survey->words.limit, capacity = ring->mask + 1;
	/* The last 64th before the limit that has this entry, and where it ends. */
	uint32_t last = limit / smq_room_step(ring) - 1;
	uint32_t end = (last - (last - entry) % SMQ_INDEX_ENTRIES + 1) * smq_room_step(ring);

	if (survey->changed[entry] || !smq_position_is_aligned(ring, position) ||
	    (int32_t)(position - survey->tail) > 0 || end - position - 1 >= capacity ||
	    !smq_follower_is_intact(ring, &survey->words, position, slack) ||
	    !smq_index_is_set(position, survey->numbers[entry], extended != 0))
		return false;
	place->number = smq_survey_number(map, survey->numbers[entry]);
	place->extended = extended;
	place->position = position;
	return true;
}

bool smq_survey_oldest(const struct smq_follower *follower, const struct smq_map *map, uint64_t least, int quarters,
		       struct smq_place *oldest)
{
	struct smq_place place;
	bool found = false;

	for (uint32_t i = 0; i < map->rings * SMQ_INDEX_ENTRIES; i++) {
		uint32_t extended = i / SMQ_INDEX_ENTRIES;
		uint32_t slack = (follower->track[extended].ring.mask + 1) / SMQ_QUARTERS * (uint32_t)quarters;

		if (!get_entry(follower, map, extended, i % SMQ_INDEX_ENTRIES, slack, &place))
			continue;
		if ((int64_t)(place.number - least) >= 0 && (!found || place.number < oldest->number)) {
			*oldest = place;
			found = true;
		}
	}
	return found;
}

bool smq_survey_newest(const struct smq_follower *follower, const struct smq_map *map, uint64_t most,
		       struct smq_place *newest)
{
	struct smq_place place;
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

bool smq_survey_nearest(const struct smq_follower *follower, const struct smq_map *map, uint32_t extended,
			uint32_t position, bool before, struct smq_place *nearest)
{
	struct smq_place place;
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

bool smq_survey_head(const struct smq_follower *follower, int fd, uint32_t *extended, uint32_t *head)
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

/* Those of one ring, from the follower's position there. */
static uint64_t units_after(const struct smq_track *track, uint32_t tail)
{
	uint32_t units = tail - track->ring.position;

	if ((int32_t)units < 0) /* the stored tail lags */
		return 0;
	return units < track->ring.mask ? units : track->ring.mask;
}

bool smq_survey_lag(const struct smq_follower *follower, int fd, uint64_t *messages, uint64_t *bytes)
{
	uint64_t units = 0, total = 0;

	for (uint32_t i = 0; i < follower->rings; i++) {
		struct smq_producer_words words, again;

		if (!smq_follower_words(follower, fd, i, &words) || !smq_follower_words(follower, fd, i, &again))
			return false;
		total += smq_ring_total(words.messages_lo, again.messages_hi);
		/* In the ring in which neither is, they stand at the same jump, or before it. */
		if (i == follower->extended || i == words.extended)
			units += units_after(&follower->track[i], words.tail);
	}
	*messages = total > follower->number ? total - follower->number : 0;
	*bytes = *messages != 0 ? units * SMQ_UNIT : 0;
	return true;
}
