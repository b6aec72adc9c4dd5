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
#include "report.h"

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

static const struct command commands[] = {
	{ "create", CREATE_OPTIONS, 1, 1, run_create },
	{ "push", STREAM_OPTIONS | BIT(OPTION_TYPE), 1, 1, run_push },
	{ "pop", STREAM_OPTIONS | BIT(OPTION_TYPES), 1, 1, run_pop },
	{ "tail", TAIL_OPTIONS, 1, 1, run_tail },
	{ "ls", BIT(OPTION_JSON), 0, 0, run_ls },
	{ "stat", BIT(OPTION_JSON), 1, 1, run_stat },
	{ "rm", 0, 1, INT_MAX, run_rm },
	{ "clean", BIT(OPTION_FORCE) | BIT(OPTION_ALL), 0, 0, run_clean },
	{ "bench", BIT(OPTION_CAPACITY) | BIT(OPTION_JSON) | BIT(OPTION_SECONDS), 0, 0, run_bench },
};

static int help(void)
{
	fputs("Usage: shmemq COMMAND [OPTION]... [NAME]...\n"
	      "Message queues in shared memory between two processes.\n"
	      "The NAME of a queue is a slash and the name of a file in /dev/shm.\n"
	      "\n"
	      "  create NAME             make a queue\n"
	      "    --capacity SIZE         bytes of its ring, with K, M or G; rounded up to a\n"
	      "                            power of two, at most 8G; by default 1M\n"
	      "    --max-capacity SIZE     bytes to which it may grow when it is full; by\n"
	      "                            default it does not\n"
	      "    --align SIZE            of the first byte of each message, 8 (the default)\n"
	      "                            to 4K\n"
	      "    --mode MODE             octal permissions, less the umask; by default 600\n"
	      "    --temporary             the last push or pop to end removes the queue\n"
	      "    --broadcast             up to 64 consumers, each of which gets all that is\n"
	      "                            pushed from its start on\n"
	      "    --max-messages N        queued at a time; by default as many as fit\n"
	      "    --user TEXT, @FILE      up to 64 bytes that stat shows, such as a version\n"
	      "  push NAME               make messages of standard input\n"
	      "  pop NAME                write messages to standard output until the producer\n"
	      "                          has closed the queue and it is empty\n"
	      "    --frame FRAME           line (default), nul, len32 (32-bit length first, in\n"
	      "                            network order), chunk:SIZE, or to show: hex\n"
	      "    --count N               end after N messages\n"
	      "    --timeout SECONDS       wait no longer for space, or for a message\n"
	      "    --shared                be one of many producers, or consumers\n"
	      "    --stay                  wait on when the other side has closed or died\n"
	      "    --type N                push: the tag of the messages, by default 0\n"
	      "    --type                  pop: write the tag and a tab before each message\n"
	      "    --create                make the queue if it is missing, as create does\n"
	      "    --progress              show counts and rates, if on a terminal\n"
	      "  tail NAME               write messages as they are pushed, and take none from\n"
	      "                          the queue; with the options of pop, and:\n"
	      "    --queued                begin with what has not been popped\n"
	      "    --oldest                begin with what has not been overwritten\n"
	      "  ls                      show all queues\n"
	      "  stat NAME               show one queue\n"
	      "    --json                  as JSON\n"
	      "  rm NAME...              remove queues; processes that have them open go on\n"
	      "  clean                   show the queues that no process has open\n"
	      "    --force                 remove those of them that are empty or temporary\n"
	      "    --force --all           remove all of them\n"
	      "  bench                   measure rates, round trips and wake-ups here; takes\n"
	      "                          --capacity and --json too\n"
	      "    --seconds N             how long, by default 10\n"
	      "  --help, --version       show this, or the version\n",
	      stdout);
	return finish_output();
}

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
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
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
		return help();
	if (given(&options, OPTION_VERSION))
		return version();
	if (command != NULL)
		return command->run(&options, argv + optind, argc - optind);
	if (optind >= argc)
		return report_usage(NULL, "missing command");
	command = find(argv[optind]);
	if (command == NULL)
		return report_usage(NULL, "unknown command \"%s\"", argv[optind]);
	return run(command, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	hold_standard_descriptors();
	return run(NULL, argc, argv);
}
