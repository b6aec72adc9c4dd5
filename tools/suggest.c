/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "suggest.h"

#include <dirent.h>
#include <shmemq.h>
#include <stdlib.h>
#include <string.h>

#include "queues.h"
#include "text.h"

#define SHORTEST 3 /* bytes after the slash: of shorter names, any two are alike */

bool suggest_alike(const char *one, const char *other)
{
	size_t length = strlen(one), other_length = strlen(other), same = 0;

	while (one[same] != '\0' && one[same] == other[same])
		same++;
	if (length == other_length)
		return same < length &&
		       (strcmp(one + same + 1, other + same + 1) == 0 ||
			(same + 1 < length && one[same] == other[same + 1] && one[same + 1] == other[same] &&
			 strcmp(one + same + 2, other + same + 2) == 0));
	if (length + 1 == other_length)
		return strcmp(one + same, other + same + 1) == 0;
	return length == other_length + 1 && strcmp(one + same + 1, other + same) == 0;
}

static bool is_queue(const char *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL);

	if (q != NULL)
		shmemq_close(q);
	return q != NULL;
}

/* The name of the only queue that is called almost `name`, or NULL. */
static char *find_like(const char *name)
{
	DIR *directory = opendir(QUEUES_DIRECTORY);
	char *found = NULL;
	struct dirent *entry;
	bool several = false;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char *other;

		if (!suggest_alike(name + 1, entry->d_name))
			continue;
		other = allocate(strlen(entry->d_name) + 2);
		other[0] = '/';
		strcpy(other + 1, entry->d_name);
		several = several || (found != NULL && is_queue(other));
		if (found == NULL && is_queue(other))
			found = other;
		else
			free(other);
	}
	if (directory != NULL)
		closedir(directory);
	if (!several)
		return found;
	free(found);
	return NULL;
}

/* `name` with a slash before it, or the name of the queue whose file has that path. NULL: it begins with a slash. */
static char *with_slash(const char *name)
{
	bool path = strncmp(name, QUEUES_DIRECTORY "/", sizeof QUEUES_DIRECTORY) == 0;
	char *text;

	if (name[0] == '/' && !path)
		return NULL;
	if (path)
		name += sizeof QUEUES_DIRECTORY;
	text = allocate(strlen(name) + 2);
	text[0] = '/';
	strcpy(text + 1, name);
	return text;
}

/* Frees `found`, which may be NULL. */
static char *shown(char *found)
{
	char *text = found != NULL ? printable(found) : NULL;

	free(found);
	return text;
}

char *suggest_name(const char *name)
{
	char *like = with_slash(name);

	if (like == NULL)
		return strlen(name) > SHORTEST ? shown(find_like(name)) : NULL;
	if (is_queue(like))
		return shown(like);
	free(like);
	return NULL;
}

char *suggest_prefix(const char *prefix)
{
	char *like = with_slash(prefix);

	if (like != NULL && like[1] != '\0' && strchr(like + 1, '/') == NULL)
		return shown(like);
	free(like);
	return NULL;
}
