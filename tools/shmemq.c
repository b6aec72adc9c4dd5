/* SPDX-License-Identifier: MIT */
/* shmemq(1): message queues from a shell. It uses the public header only. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "help.h"
#include "report.h"
#include "suggest.h"

#define BIT(id) (1u << (id))
#define CREATE_OPTIONS                                                                                 \
	(BIT(OPTION_ALIGN) | BIT(OPTION_BROADCAST) | BIT(OPTION_CAPACITY) | BIT(OPTION_MAX_CAPACITY) | \
	 BIT(OPTION_MAX_MESSAGES) | BIT(OPTION_MODE) | BIT(OPTION_TEMPORARY) | BIT(OPTION_USER))
#define STREAM_OPTIONS                                                                                        \
	(CREATE_OPTIONS | BIT(OPTION_COUNT) | BIT(OPTION_CREATE) | BIT(OPTION_FRAME) | BIT(OPTION_PROGRESS) | \
	 BIT(OPTION_SHARED) | BIT(OPTION_STAY) | BIT(OPTION_TIMEOUT))
#define TAIL_OPTIONS                                                                                              \
	(BIT(OPTION_COUNT) | BIT(OPTION_FRAME) | BIT(OPTION_OLDEST) | BIT(OPTION_PROGRESS) | BIT(OPTION_QUEUED) | \
	 BIT(OPTION_STAY) | BIT(OPTION_TIMEOUT) | BIT(OPTION_TYPES))
#define PEEK_OPTIONS (BIT(OPTION_COUNT) | BIT(OPTION_FRAME) | BIT(OPTION_OFFSET) | BIT(OPTION_TYPES))
#define RECORD_OPTIONS                                                                                           \
	(BIT(OPTION_COUNT) | BIT(OPTION_OLDEST) | BIT(OPTION_PROGRESS) | BIT(OPTION_QUEUED) | BIT(OPTION_STAY) | \
	 BIT(OPTION_TIMEOUT))
#define TOP_OPTIONS    (BIT(OPTION_INTERVAL) | BIT(OPTION_JSON) | BIT(OPTION_ONCE) | BIT(OPTION_SORT))
#define REPLAY_OPTIONS (BIT(OPTION_SPEED) | (STREAM_OPTIONS & ~BIT(OPTION_FRAME)))

static const struct command commands[] = {
	{ "create", CREATE_OPTIONS, 1, 1, run_create, "NAME", "make a queue" },
	{ "push", STREAM_OPTIONS | BIT(OPTION_TYPE), 1, 1, run_push, "NAME", "make messages of standard input" },
	{ "pop", STREAM_OPTIONS | BIT(OPTION_TYPES), 1, 1, run_pop, "NAME",
	  "write messages to standard output until the producer\nhas closed the queue and it is empty" },
	{ "tail", TAIL_OPTIONS, 1, 1, run_tail, "NAME",
	  "write messages as they are pushed, and take none from\nthe queue" },
	{ "peek", PEEK_OPTIONS, 1, 1, run_peek, "NAME", "write the messages that are queued, and take none" },
	{ "drain", BIT(OPTION_COUNT), 1, 1, run_drain, "NAME", "throw away the messages that are queued" },
	{ "record", RECORD_OPTIONS, 2, 2, run_record, "NAME FILE",
	  "write messages as they are pushed, and their times, to\na pcapng file, and take none from the queue" },
	{ "replay", REPLAY_OPTIONS, 1, 2, run_replay, "FILE [NAME]",
	  "push the messages of such a file, at their pace" },
	{ "ls", BIT(OPTION_JSON), 0, 0, run_ls, "", "show all queues" },
	{ "stat", BIT(OPTION_JSON) | BIT(OPTION_OPENMETRICS), 1, INT_MAX, run_stat, "NAME...",
	  "show queues, a line for each property" },
	{ "top", TOP_OPTIONS, 0, 1, run_top, "[PREFIX]",
	  "show the queues whose names begin with PREFIX, and\ntheir rates, again and again" },
	{ "rm", 0, 1, INT_MAX, run_rm, "NAME...", "remove queues; processes that have them open go on" },
	{ "clean", BIT(OPTION_FORCE) | BIT(OPTION_ALL) | BIT(OPTION_ALL_USERS), 0, 1, run_clean, "[PREFIX]",
	  "show this user's queues that no process has open, and\nwhose names begin with PREFIX" },
	{ "bench", BIT(OPTION_CAPACITY) | BIT(OPTION_JSON) | BIT(OPTION_SECONDS), 0, 0, run_bench, "",
	  "measure rates, round trips and wake-ups on this\nmachine" },
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static int version(void)
{
	printf("shmemq %s (libshmemq %s)\n", PACKAGE_VERSION, shmemq_version());
	return finish_output();
}

/*
 * If descriptor 0, 1 or 2 is closed, the next file that is opened gets its number, and messages would be written into
 * the queue's own file. So /dev/null takes the number, opened such that a read or write of it fails as before.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(STATUS_FAILED);
	}
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* What an unknown command may have been meant to be, or NULL: what others call so, or the only one almost so called. */
static const char *like(const char *name)
{
	static const char *const others[][2] = { { "help", "--help" }, { "list", "ls" }, { "version", "--version" } };
	const char *found = NULL;

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strcmp(name, others[i][0]) == 0)
			return others[i][1];
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!suggest_alike(name, commands[i].name))
			continue;
		if (found != NULL)
			return NULL;
		found = commands[i].name;
	}
	return found;
}

static int report_unknown(const char *name)
{
	const char *meant = like(name);

	if (meant == NULL)
		return report_usage(NULL, "unknown command \"%s\"", name);
	return report_usage(NULL, "unknown command \"%s\": did you mean \"%s\"?", name, meant);
}

/* `command`: the one that argv[0] names; NULL: options, then a command, follow. Returns the exit status. */
static int run(const struct command *command, int argc, char **argv)
{
	struct options options;
	int status;

	status = options_read(command, argc, argv, &options);
	if (status != 0)
		return status;
	if (given(&options, OPTION_HELP))
		return command != NULL ? help_command(command) : help_all(commands, COMMANDS);
	if (given(&options, OPTION_VERSION))
		return version();
	if (command != NULL)
		return command->run(&options, argv + optind, argc - optind);
	if (optind >= argc)
		return report_usage(NULL, "missing command");
	command = find(argv[optind]);
	if (command == NULL)
		return report_unknown(argv[optind]);
	return run(command, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	hold_standard_descriptors();
	return run(NULL, argc, argv);
}
