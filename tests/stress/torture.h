/* SPDX-License-Identifier: MIT */
/* The two halves of the torture: torture.c kills, torture_child.c is killed. */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include "torture_side.h"

/* main() of a side: torture produce|consume NAME AUDIT-FD EPOCH RANDOM LIFE-NS. 0: it did as it should. */
int torture_side(int argc, char **argv);

#endif
