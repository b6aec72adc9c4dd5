/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "holder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define STAT_BYTES 256 /* more than the pid, the name and the state take */

/* The states in which a process does not go on by itself. */
static const char *state(char letter)
{
	switch (letter) {
	case 'T':
		return " (stopped)";
	case 't':
		return " (traced)";
	case 'Z':
	case 'X':
		return " (ended)";
	default:
		return "";
	}
}

/* "PID (NAME) STATE ...": the name is what the process likes, with any bytes and brackets in it. */
char *process_describe(uint32_t pid)
{
	char path[32], line[STAT_BYTES] = "", *begin, *end, *name, *text;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return NULL;
	line[fread(line, 1, sizeof line - 1, file)] = '\0';
	fclose(file);
	begin = strchr(line, '(');
	end = strrchr(line, ')');
	if (begin == NULL || end == NULL || end < begin || end[1] != ' ')
		return NULL;
	*end = '\0';
	name = printable(begin + 1);
	text = allocate(strlen(name) + sizeof " (stopped)");
	sprintf(text, "%s%s", name, state(end[2]));
	free(name);
	return text;
}
