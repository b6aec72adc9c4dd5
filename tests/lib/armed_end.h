/* SPDX-License-Identifier: MIT */
/*
 * A handle with an armed pollfd, and hooks into the calls that fail on it. The linker puts __wrap_smq_pollable_clear()
 * and the like in place of the library's functions: there this process does what another might do at that moment.
 */
#ifndef TESTS_ARMED_END_H
#define TESTS_ARMED_END_H

#include <stdint.h>

#include "handle.h"

/* The end under test, a consumer's or a producer's with a full ring; its pollfd; and its peer. */
extern const char *name;
extern struct shmemq *own, *peer;
extern unsigned end;
extern int fd;

/* Leaves the descriptor armed, with all questions asked. */
void open_ends(unsigned of, unsigned flags);
void close_ends(void);

/* 0 or errno. */
int try(void);

void open_peer(void);
void close_peer(void);
void unblock(void);

/* Tries until the peer's death is reported, with no wait but for the descriptor. */
void await_death(void);

/* How many raises from now on a signal turns back. */
extern unsigned signals;

/* What happens before and after the next clear of the descriptor. */
extern struct action {
	void (*before)(void), (*after)(void);
} next_clear;

/* How many membarriers were called. */
extern unsigned membarriers;

/* The locks of those who are dead now go later than the kernel tells of their death. */
void locks_go_late(void);

#endif
