/* SPDX-License-Identifier: MIT */
/* What torture.c starts and kills: a side, in a process that it executes anew. */
#ifndef TESTS_TORTURE_CHILD_H
#define TESTS_TORTURE_CHILD_H

#include "torture_side.h"

/* main() of a side: torture produce|consume NAME AUDIT-FD EPOCH RANDOM LIFE-NS. 0: no violation. */
int torture_child(int argc, char **argv);

#endif
