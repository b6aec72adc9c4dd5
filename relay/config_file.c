/* SPDX-License-Identifier: MIT */
/* The configuration file: a line each, "option = value"; # begins a comment. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "report.h"

#define BLANKS " \t\r\n"

/* Cuts blanks off both ends of a text, in place. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length != 0 && strchr(BLANKS, text[length - 1]) != NULL)
		length--;
	text[length] = '\0';
	return text;
}

/* Options point to these copies, so they are never freed. */
struct copy {
	struct copy *before;
	char text[];
};

static char *keep_copy(const char *text)
{
	static struct copy *last;
	size_t size = strlen(text) + 1;
	struct copy *copy = malloc(sizeof *copy + size);

	if (copy == NULL)
		return NULL;
	copy->before = last;
	last = copy;
	return memcpy(copy->text, text, size);
}

/* `line` is changed. */
static int read_line(struct options *options, const char *path, unsigned number, char *line)
{
	char *name = trim(line), *value = strchr(name, '='), *copy;
	const char *fault;

	if (name[0] == '\0' || name[0] == '#')
		return 0;
	if (value == NULL)
		return report_as(STATUS_USAGE, path, "line %u: there must be a = between option and value", number);
	*value++ = '\0';
	name = trim(name);
	copy = keep_copy(trim(value));
	if (copy == NULL)
		return report_as(STATUS_USAGE, path, "%s", strerror(errno));
	fault = options_store(options, name, copy);
	if (fault == NULL)
		return 0;
	if (fault[0] == '\0')
		return report_as(STATUS_USAGE, path, "line %u: unknown option \"%s\"", number, name);
	return report_as(STATUS_USAGE, path, "line %u: invalid value of \"%s\": it must be %s", number, name, fault);
}

int options_read_file(struct options *options, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	int status = 0;

	if (file == NULL)
		return report_as(STATUS_USAGE, path, "%s", strerror(errno));
	while (status == 0 && getline(&line, &size, file) >= 0)
		status = read_line(options, path, ++number, line);
	if (status == 0 && ferror(file))
		status = report_as(STATUS_USAGE, path, "%s", strerror(errno));
	free(line);
	fclose(file);
	return status;
}
