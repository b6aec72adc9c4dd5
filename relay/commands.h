/* SPDX-License-Identifier: MIT */
/* The commands, as struct command runs them. Each returns the exit status. */
#ifndef RELAY_COMMANDS_H
#define RELAY_COMMANDS_H

#include "options.h"

int run_create(const struct options *options);
int run_export(const struct options *options);
int run_import(const struct options *options);
int run_rm(const struct options *options);
int run_status(const struct options *options);

#endif
