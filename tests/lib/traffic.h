/* SPDX-License-Identifier: MIT */
/* Messages that two sides compute from one seed: sizes, types and bytes, moved by every call there is. */
#ifndef TESTS_TRAFFIC_H
#define TESTS_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shmemq.h"

/* splitmix64: any state is a good one, a small number too. */
static inline uint64_t traffic_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Bytes that differ from message to message and within each message. */
static inline void traffic_fill(void *message, size_t size, uint64_t content)
{
	unsigned char *at = message;

	for (; size >= sizeof content; size -= sizeof content, at += sizeof content) {
		content += 0x9e3779b97f4a7c15u;
		memcpy(at, &content, sizeof content);
	}
	content += 0x9e3779b97f4a7c15u;
	memcpy(at, &content, size);
}

static inline bool traffic_filled(const void *message, size_t size, uint64_t content)
{
	const unsigned char *at = message;
	uint64_t differ = 0, word;

	for (; size >= sizeof content; size -= sizeof content, at += sizeof content) {
		content += 0x9e3779b97f4a7c15u;
		memcpy(&word, at, sizeof word);
		differ |= word ^ content;
	}
	content += 0x9e3779b97f4a7c15u;
	return differ == 0 && memcmp(at, &content, size) == 0;
}

/*
 * traffic_push() pushes `count` messages, or as many as fit into `ns`: most of them small, some up to message_max.
 * traffic_pop() pops and checks them up to the last one, which says so. Both go on after EINTR, ECANCELED and timeouts.
 * They return 0, or 1 after a line on standard error.
 */
int traffic_push(struct shmemq *q, uint64_t seed, uint64_t count, int64_t ns);
int traffic_pop(struct shmemq *q, uint64_t seed);

/* Prints what failed, and returns 1. */
int traffic_error(const char *what, uint64_t message);

#endif
