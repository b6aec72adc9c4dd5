/* SPDX-License-Identifier: MIT */
/* torture.c starts and kills sides, torture_child.c is what they run. */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include "torture_side.h"

/* main() of a side: torture produce|consume NAME AUDIT-FD EPOCH RANDOM LIFE-NS. 0: no violation. */
int torture_side(int argc, char **argv);

#endif
