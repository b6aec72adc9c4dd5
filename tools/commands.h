/* SPDX-License-Identifier: MIT */
/* The commands, as struct command runs them. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "options.h"

int run_bench(const struct options *options, char **names, int count);
int run_clean(const struct options *options, char **names, int count);
int run_create(const struct options *options, char **names, int count);
int run_drain(const struct options *options, char **names, int count);
int run_ls(const struct options *options, char **names, int count);
int run_peek(const struct options *options, char **names, int count);
int run_pop(const struct options *options, char **names, int count);
int run_push(const struct options *options, char **names, int count);
int run_record(const struct options *options, char **names, int count);
int run_replay(const struct options *options, char **names, int count);
int run_rm(const struct options *options, char **names, int count);
int run_stat(const struct options *options, char **names, int count);
int run_tail(const struct options *options, char **names, int count);
int run_top(const struct options *options, char **names, int count);

#endif
