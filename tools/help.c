/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "help.h"

#include <stdio.h>
#include <string.h>

#include "report.h"

#define TEXT_COLUMN 26

/* In the order in which a command's help shows them. A newline in a text begins a line in the same column. */
static const struct {
	enum option_id id;
	const char *option, *text;
} texts[] = {
	{ OPTION_CAPACITY, "--capacity SIZE",
	  "bytes of the ring, with K, M or G; rounded up to a\npower of two, at most 8G; by default 1M" },
	{ OPTION_MAX_CAPACITY, "--max-capacity SIZE",
	  "bytes to which the ring may grow when it is full; by\ndefault it does not" },
	{ OPTION_ALIGN, "--align SIZE", "the address of each message is a multiple of this:\n8 (the default) to 4K" },
	{ OPTION_MODE, "--mode MODE", "octal permissions, less the umask; by default 600" },
	{ OPTION_TEMPORARY, "--temporary", "the last push or pop to end removes the queue" },
	{ OPTION_BROADCAST, "--broadcast",
	  "up to 64 consumers, each of which gets all that is\npushed from its start on" },
	{ OPTION_MAX_MESSAGES, "--max-messages N", "at most so many are queued; by default as many as fit" },
	{ OPTION_USER, "--user TEXT, @FILE", "up to 64 bytes that stat shows, such as a version" },
	{ OPTION_CREATE, "--create", "make the queue if it is missing; only then the\noptions above are allowed" },
	{ OPTION_FRAME, "--frame FRAME",
	  "line (default), nul, len32 (32-bit length first, in\nnetwork order), chunk:SIZE or hex" },
	{ OPTION_COUNT, "--count N", "end after N messages" },
	{ OPTION_OFFSET, "--offset N", "begin after the first N messages" },
	{ OPTION_TIMEOUT, "--timeout SECONDS", "wait no longer for space, or for a message" },
	{ OPTION_SHARED, "--shared", "be one of many producers, or consumers" },
	{ OPTION_STAY, "--stay", "wait on when the other side has closed or died" },
	{ OPTION_TYPE, "--type N", "the tag of the messages, by default 0" },
	{ OPTION_TYPES, "--type", "write the tag and a tab before each message" },
	{ OPTION_QUEUED, "--queued", "begin with what has not been popped" },
	{ OPTION_OLDEST, "--oldest", "begin with what has not been overwritten" },
	{ OPTION_SPEED, "--speed FACTOR",
	  "of the recorded pace: 1 is the default, 2 is twice as\nfast; max: without a pause" },
	{ OPTION_PROGRESS, "--progress", "show counts and rates, if on a terminal" },
	{ OPTION_INTERVAL, "--interval SECONDS", "from one table to the next, by default 1" },
	{ OPTION_SORT, "--sort ORDER", "rate (default), fill or name" },
	{ OPTION_ONCE, "--once", "write one table, after one interval" },
	{ OPTION_JSON, "--json", "as JSON" },
	{ OPTION_OPENMETRICS, "--openmetrics", "metrics for a monitor; without names, of all queues" },
	{ OPTION_FORCE, "--force", "remove those of them that are empty or temporary" },
	{ OPTION_ALL, "--all", "with --force: remove all of them" },
	{ OPTION_ALL_USERS, "--all-users", "those of other users, too" },
	{ OPTION_SECONDS, "--seconds N", "how long, by default 10" },
	{ OPTION_HELP, "--help", "show this" },
	{ OPTION_VERSION, "--version", "show the version" },
};

/* Writes `name` and, from a column on, the lines of `text`. */
static void entry(const char *name, const char *text)
{
	size_t width = strlen(name) + 2;

	printf("  %s", name);
	while (*text != '\0') {
		size_t line = strcspn(text, "\n");

		printf("%*s%.*s\n", width < TEXT_COLUMN ? (int)(TEXT_COLUMN - width) : 1, "", (int)line, text);
		text += line + (text[line] == '\n');
		width = 0;
	}
}

int help_all(const struct command *commands, size_t count)
{
	fputs("Usage: shmemq COMMAND [OPTION]... [NAME]...\n"
	      "Message queues in shared memory between processes of one machine.\n"
	      "The NAME of a queue is a slash and the name of a file in /dev/shm.\n"
	      "\n",
	      stdout);
	for (size_t i = 0; i < count; i++) {
		char head[TEXT_COLUMN];

		snprintf(head, sizeof head, "%s %s", commands[i].name, commands[i].names);
		entry(head, commands[i].summary);
	}
	fputs("\n", stdout);
	entry("COMMAND --help", "show a command and its options");
	entry("--help, --version", "show this, or the version");
	return finish_output();
}

/* What makes messages takes no hex. */
static const char *text_of(const struct command *command, size_t at)
{
	if (texts[at].id == OPTION_FRAME && command->options & 1u << OPTION_TYPE)
		return "line (default), nul, len32 (32-bit length first, in\nnetwork order) or chunk:SIZE";
	return texts[at].text;
}

int help_command(const struct command *command)
{
	printf("Usage: shmemq %s [OPTION]...%s%s\n\n", command->name, command->names[0] != '\0' ? " " : "",
	       command->names);
	entry(command->name, command->summary);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (texts[i].id == OPTION_HELP)
			putchar('\n');
		if ((command->options | 1u << OPTION_HELP | 1u << OPTION_VERSION) >> texts[i].id & 1)
			entry(texts[i].option, text_of(command, i));
	}
	return finish_output();
}
