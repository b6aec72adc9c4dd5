/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "queues.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report.h"
#include "text.h"

/* The owner of the file; of one that is gone meanwhile, nobody. */
static uid_t owner_of(const char *name)
{
	char *path = allocate(sizeof QUEUES_DIRECTORY + strlen(name));
	struct stat file;
	bool found;

	strcpy(path, QUEUES_DIRECTORY);
	strcat(path, name);
	found = lstat(path, &file) == 0;
	free(path);
	return found ? file.st_uid : (uid_t)-1;
}

int queue_read(const char *name, struct queue *queue)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL);
	int err = 0;

	if (q == NULL)
		return errno;
	if (shmemq_getattr(q, &queue->attr) != 0 || shmemq_stat(q, &queue->stat) != 0)
		err = errno;
	shmemq_close(q);
	if (err != 0)
		return err;
	queue->name = allocate(strlen(name) + 1);
	strcpy(queue->name, name);
	queue->owner = owner_of(name);
	return 0;
}

void queue_free(struct queue *queue)
{
	free(queue->name);
}

static int is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/*
 * Adds the queue whose file is `entry`. A file that is no queue, is not readable or is gone is passed over; so is one
 * that is truncated meanwhile: EBADMSG, where a moment earlier or later it is EPROTO.
 */
static int add(struct queues *queues, const char *entry)
{
	char *name = allocate(strlen(entry) + 2);
	int err, status = 0;

	name[0] = '/';
	strcpy(name + 1, entry);
	err = queue_read(name, &queues->list[queues->count]);
	if (err == 0)
		queues->count++;
	else if (err == EACCES)
		queues->unreadable++;
	else if (err != EPROTO && err != EBADMSG && err != ENOENT)
		status = report_queue(name, SHMEMQ_OBSERVER, err);
	free(name);
	return status;
}

int queues_find(struct queues *queues)
{
	struct dirent **entries;
	int count, status = 0;

	*queues = (struct queues){ .list = NULL };
	count = scandir(QUEUES_DIRECTORY, &entries, is_entry, alphasort);
	if (count < 0)
		return report(NULL, QUEUES_DIRECTORY ": %s", strerror(errno));
	queues->list = allocate((size_t)count * sizeof *queues->list + 1);
	for (int i = 0; i < count; i++) {
		status = status_join(status, add(queues, entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	return status;
}

void queues_free(struct queues *queues)
{
	for (size_t i = 0; i < queues->count; i++)
		queue_free(&queues->list[i]);
	free(queues->list);
}

void report_unreadable(size_t count)
{
	if (count != 0)
		report(NULL, "files in " QUEUES_DIRECTORY " that this user may not read, and that may be queues: %zu",
		       count);
}
