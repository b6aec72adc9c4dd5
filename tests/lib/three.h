/* SPDX-License-Identifier: MIT */
/* A SHARED end with two handles, the other end with one, and some messages. */
#ifndef TESTS_THREE_H
#define TESTS_THREE_H

#include "support.h"

#define LATE_NS (1000 * MS) /* what a dead handle may cost the others */

struct three {
	const char *name;
	unsigned end;
	struct shmemq *one, *two, *peer;
};

/* The end under test is SHARED. */
struct three open_three(unsigned end);
void close_three(const struct three *three);

#endif
