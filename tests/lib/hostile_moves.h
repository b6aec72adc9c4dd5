/* SPDX-License-Identifier: MIT */
/* The calls of a hostile_caller that move messages, or wait for something else. */
#ifndef TESTS_HOSTILE_MOVES_H
#define TESTS_HOSTILE_MOVES_H

#include "hostile_caller.h"

/* Moves messages in one of HOSTILE_WAYS ways. 0 or errno. An observer asks instead. */
#define HOSTILE_WAYS 3
int hostile_move(struct caller *caller, uint64_t way);

/* The waits that move nothing. */
void hostile_wait(struct caller *caller);

#endif
