/* SPDX-License-Identifier: MIT */
/* What --help shows. Its text stands here; what a command takes, in the table of commands. */
#ifndef TOOLS_HELP_H
#define TOOLS_HELP_H

#include <stddef.h>

#include "options.h"

/* All commands, a line or two each. Returns the exit status. */
int help_all(const struct command *commands, size_t count);

/* One command and its options. Returns the exit status. */
int help_command(const struct command *command);

#endif
