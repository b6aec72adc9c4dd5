/* SPDX-License-Identifier: MIT */
/* The command line and the configuration file: one table of options, and what was given. */
#ifndef RELAY_OPTIONS_H
#define RELAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum option_id {
	OPTION_ACK,
	OPTION_CAPACITY,
	OPTION_CLOSE,
	OPTION_CONFIG,
	OPTION_CREATE,
	OPTION_CREDS,
	OPTION_DRAIN,
	OPTION_DURABLE,
	OPTION_HELP,
	OPTION_INBOX,
	OPTION_JSON,
	OPTION_KEEP,
	OPTION_MAX_AGE,
	OPTION_MAX_BYTES,
	OPTION_METRICS,
	OPTION_MODE,
	OPTION_NKEY,
	OPTION_NKEY_SEED,
	OPTION_ON_LOSS,
	OPTION_PACK,
	OPTION_PASSWORD_FILE,
	OPTION_REPLICAS,
	OPTION_SERVER,
	OPTION_TLS_CA,
	OPTION_TLS_CERT,
	OPTION_TLS_KEY,
	OPTION_USER,
	OPTION_VERBOSE,
	OPTION_VERSION,
	OPTION_WINDOW,
	/* In the configuration file alone. */
	OPTION_QUEUE,
	OPTION_STREAM,
	OPTIONS
};

/* The commands that take an option, as bits. */
#define FOR_CREATE (1u << 0)
#define FOR_EXPORT (1u << 1)
#define FOR_IMPORT (1u << 2)
#define FOR_RM     (1u << 3)
#define FOR_STATUS (1u << 4)

struct options {
	uint64_t given; /* a bit for each option_id */
	/* Of an option without an argument, "yes" or "no"; NULL: not given. */
	const char *text[OPTIONS];
	uint64_t replicas;
	uint64_t max_bytes;
	int64_t max_age; /* ns; 0: none */
	uint64_t pack;
	uint64_t window;
	uint64_t capacity;
	mode_t mode;
};

struct command {
	const char *name;
	unsigned bit; /* FOR_... */
	bool queue;   /* takes a QUEUE before the STREAM */
	int (*run)(const struct options *options);
};

/* Is an option without an argument on? */
bool option_on(const struct options *options, enum option_id id);

/* Is the argument, given or by default, of an option that is one of several words this one? */
bool option_is(const struct options *options, enum option_id id, const char *word);

/*
 * Reads the options of `command` (NULL: those before a command), the names after them, and the configuration file.
 * Returns 0, or reports what is wrong and returns STATUS_USAGE.
 */
int options_read(const struct command *command, int argc, char **argv, struct options *options);

/* Stores an option of the configuration file, unless the command line has given it. NULL, or what is wrong. */
const char *options_store(struct options *options, const char *name, const char *value);

/* Reads a configuration file. Returns 0, or reports what is wrong and returns STATUS_USAGE. */
int options_read_file(struct options *options, const char *path);

#endif
