/* SPDX-License-Identifier: MIT */
/*
 * A handle with an armed pollfd, and hooks into the calls that fail on it. The linker puts __wrap_smq_pollable_clear()
 * and the like in place of the library's functions: there this process does what another process might do at that
 * moment.
 */
#ifndef TESTS_ARMED_END_H
#define TESTS_ARMED_END_H

#include <stdbool.h>
#include <stdint.h>

#include "acquire.h"

/* The end under test, a consumer's or a producer's with a full ring; its pollfd; and its peer. */
extern const char *name;
extern struct shmemq *own, *peer;
extern unsigned end;
extern int fd;

/* Opens them and leaves the descriptor armed, with no recheck left. */
void open_ends(unsigned of, unsigned flags);
void close_ends(void);

/* Tries once: 0 or errno. */
int try(void);

void open_peer(void);
void close_peer(void);
void unblock(void);

/* Tries until the peer's death is reported, and waits for nothing but the descriptor. */
void await_death(void);

/* How many of the next raises fail with EINTR. */
extern unsigned signals;

/* What happens before and after the next clear of the descriptor. */
extern struct action {
	void (*before)(void), (*after)(void);
} next_clear;

/* How many membarriers were called. */
extern unsigned membarriers;

/* From now on the locks of processes that are dead go later than the kernel tells of the death. */
void locks_go_late(void);
bool locks_are_late(void);

#endif
