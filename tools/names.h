/* SPDX-License-Identifier: MIT */
/* The names that follow a command and its options: how many there may be, and what they may be. */
#ifndef TOOLS_NAMES_H
#define TOOLS_NAMES_H

#include "options.h"

/* What is wrong with the name of a queue, or NULL. */
const char *name_fault(const char *name);

/* Returns 0, or reports which of the names are missing, too many or never right, and returns STATUS_USAGE. */
int names_check(const struct command *command, const struct options *options, char **names, int count);

#endif
