/* SPDX-License-Identifier: MIT */
/* The command line: one table of commands, one of options, and what was given. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmemq.h>

#include "frame.h"

enum option_id {
	OPTION_ALIGN,
	OPTION_ALL,
	OPTION_ALL_USERS,
	OPTION_BROADCAST,
	OPTION_CAPACITY,
	OPTION_COUNT,
	OPTION_CREATE,
	OPTION_FORCE,
	OPTION_FRAME,
	OPTION_HELP,
	OPTION_INTERVAL,
	OPTION_JSON,
	OPTION_MAX_CAPACITY,
	OPTION_MAX_MESSAGES,
	OPTION_MODE,
	OPTION_OFFSET,
	OPTION_OLDEST,
	OPTION_ONCE,
	OPTION_OPENMETRICS,
	OPTION_PROGRESS,
	OPTION_QUEUED,
	OPTION_SECONDS,
	OPTION_SHARED,
	OPTION_SORT,
	OPTION_SPEED,
	OPTION_STAY,
	OPTION_TEMPORARY,
	OPTION_TIMEOUT,
	OPTION_TYPE,  /* of push: with the tag to set */
	OPTION_TYPES, /* of pop and tail, also --type: show the tags */
	OPTION_USER,
	OPTION_VERSION,
};

struct options {
	uint32_t given; /* a bit for each option_id */
	uint64_t capacity;
	uint64_t max_capacity;
	uint64_t align;
	uint64_t max_messages;
	unsigned char user[64];
	mode_t mode;
	struct frame frame;
	uint64_t count;   /* UINT64_MAX: no limit */
	uint64_t offset;  /* messages to skip */
	int64_t timeout;  /* ns; -1: for ever */
	int64_t seconds;  /* ns */
	int64_t interval; /* ns */
	const char *sort; /* NULL: the first of the orders */
	double speed;     /* a factor; 0: max */
	uint32_t type;
};

struct command {
	const char *name;
	uint32_t options; /* a bit for each option_id that it takes */
	int names_min, names_max;
	/* Runs the command. Returns the exit status. */
	int (*run)(const struct options *options, char **names, int count);
	/* For --help: what stands after the options, and what the command does. */
	const char *names, *summary;
};

static inline bool given(const struct options *options, enum option_id id)
{
	return options->given >> id & 1;
}

/* The attributes of a queue that these options make. */
struct shmemq_attr options_attr(const struct options *options);

/*
 * Reads the options of `command` (NULL: those before a command). The names that follow them are argv[optind] and on.
 * Returns 0, or reports what is wrong and returns an exit status: STATUS_USAGE, or that of a file that cannot be read.
 */
int options_read(const struct command *command, int argc, char **argv, struct options *options);

#endif
