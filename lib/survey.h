/* SPDX-License-Identifier: MIT */
/*
 * What a follower reads of the index, and of where the ends are: which records are intact, and their numbers.
 */
#ifndef SMQ_SURVEY_H
#define SMQ_SURVEY_H

#include "follower.h"

#define SMQ_QUARTERS 4

/* A record that the index tells of. */
struct smq_place {
	uint32_t extended;
	uint32_t position;
	uint64_t number;
};

/* What was read of one ring. */
struct smq_survey {
	struct smq_producer_words words;
	uint32_t tail; /* before the index was read */
	uint32_t positions[SMQ_INDEX_ENTRIES], numbers[SMQ_INDEX_ENTRIES];
	bool changed[SMQ_INDEX_ENTRIES]; /* while it was read */
};

/* What was read of the queue: both rings, of which there may be only one. */
struct smq_map {
	struct smq_survey ring[2];
	uint32_t rings;
	uint32_t extended; /* in which the producer is */
	uint64_t total;    /* messages pushed, but for the operation that is going on */
};

/* false: the file is gone, or garbage. */
bool smq_survey_queue(struct smq_follower *follower, int fd, struct smq_map *map);

/* Of its lower word. The total may lag by an operation. */
static inline uint64_t smq_survey_number(const struct smq_map *map, uint32_t messages)
{
	return map->total + (uint64_t)(int64_t)(int32_t)(messages - (uint32_t)map->total);
}

/*
 * The entry with the lowest number from `least` on, in both rings, that is `quarters` of SMQ_QUARTERS of its ring, or
 * more, from being overwritten. false: there is none.
 */
bool smq_survey_oldest(const struct smq_follower *follower, const struct smq_map *map, uint64_t least, int quarters,
		       struct smq_place *oldest);

/* The entry with the highest number up to `most`, in both rings: the producer has come from there, maybe over jumps. */
bool smq_survey_newest(const struct smq_follower *follower, const struct smq_map *map, uint64_t most,
		       struct smq_place *newest);

/*
 * The entry in a ring that is nearest to a position: `before`: the last one up to it; else the first one from it on.
 * false: there is none.
 */
bool smq_survey_nearest(const struct smq_follower *follower, const struct smq_map *map, uint32_t extended,
			uint32_t position, bool before, struct smq_place *nearest);

/* Where the consumer is. false: that is no position, or the file is gone. */
bool smq_survey_head(const struct smq_follower *follower, int fd, uint32_t *extended, uint32_t *head);

/* By how much the follower lags: messages, and bytes of the ring. false: the file is gone. */
bool smq_survey_lag(const struct smq_follower *follower, int fd, uint64_t *messages, uint64_t *bytes);

#endif
