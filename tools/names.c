/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "suggest.h"
#include "text.h"

#define NAME_BYTES_MAX 255 /* after the slash */

/* What is wrong with what all queues' names begin with, or NULL. */
static const char *prefix_fault(const char *prefix)
{
	if (prefix[0] != '/')
		return "it must begin with a slash, as in \"/foo\"";
	if (strchr(prefix + 1, '/') != NULL)
		return "it must have no other slash than the first, as in \"/foo\"";
	if (strlen(prefix + 1) > NAME_BYTES_MAX)
		return "it must have at most 255 bytes after the slash";
	return NULL;
}

const char *name_fault(const char *name)
{
	if (strcmp(name, "/") == 0)
		return "something must follow the slash, as in \"/foo\"";
	if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
		return "a queue cannot be called \".\" or \"..\"";
	return prefix_fault(name);
}

/* The first letter of what the help calls the argument at `i`: NAME, PREFIX or FILE. */
static char kind(const struct command *command, int i)
{
	const char *words = command->names, *blank;

	for (; i > 0 && (blank = strchr(words, ' ')) != NULL; i--)
		words = blank + 1;
	return words[words[0] == '['];
}

static int check_name(const struct command *command, const char *name, bool prefix)
{
	const char *fault = prefix ? prefix_fault(name) : name_fault(name), *what = prefix ? "prefix" : "queue name";
	char *text, *like;

	if (fault == NULL)
		return 0;
	text = printable(name);
	like = prefix ? suggest_prefix(name) : suggest_name(name);
	if (like != NULL)
		report_usage(command->name, "invalid %s \"%s\": did you mean \"%s\"?", what, text, like);
	else
		report_usage(command->name, "invalid %s \"%s\": %s", what, text, fault);
	free(like);
	free(text);
	return STATUS_USAGE;
}

static int check_count(const struct command *command, char **names, int count)
{
	if (command->names_max == 2 && count < command->names_min)
		return report_usage(command->name, "missing argument: %s takes %s", command->name, command->names);
	if (command->names_max == 2 && count > command->names_max)
		return report_usage(command->name, "unexpected argument \"%s\": %s takes %s", names[2], command->name,
				    command->names);
	if (count < command->names_min)
		return report_usage(command->name, "missing queue name, as in \"shmemq %s /foo\"", command->name);
	if (count > command->names_max)
		return report_usage(command->name, "unexpected argument \"%s\": %s takes %s", names[command->names_max],
				    command->name,
				    command->names_max == 0   ? "no queue name"
				    : command->names_min == 0 ? "one prefix"
							      : "one queue name");
	return 0;
}

int names_check(const struct command *command, const struct options *options, char **names, int count)
{
	/* --openmetrics: without names, of all queues */
	int status = given(options, OPTION_OPENMETRICS) ? 0 : check_count(command, names, count);

	for (int i = 0; status == 0 && i < count; i++) {
		if (kind(command, i) != 'F')
			status = check_name(command, names[i], kind(command, i) == 'P');
	}
	return status;
}
