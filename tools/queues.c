/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "queues.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "text.h"

/* Where a queue's name is a file's. */
#define DIRECTORY "/dev/shm"

int queue_look(const char *name, struct queue *queue)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL);

	if (q == NULL)
		return errno;
	shmemq_getattr(q, &queue->attr);
	shmemq_stat(q, &queue->stat);
	shmemq_close(q);
	queue->name = allocate(strlen(name) + 1);
	strcpy(queue->name, name);
	return 0;
}

void queue_free(struct queue *queue)
{
	free(queue->name);
}

static void add(struct queues *queues, const struct queue *queue)
{
	/* Grows at each power of two. */
	if ((queues->count & (queues->count - 1)) == 0) {
		struct queue *list = allocate((queues->count != 0 ? 2 * queues->count : 1) * sizeof *list);

		if (queues->count != 0)
			memcpy(list, queues->list, queues->count * sizeof *list);
		free(queues->list);
		queues->list = list;
	}
	queues->list[queues->count++] = *queue;
}

static int look_at_entry(struct queues *queues, const char *entry)
{
	char *name = allocate(strlen(entry) + 2);
	struct queue queue;
	int err, status = 0;

	name[0] = '/';
	strcpy(name + 1, entry);
	err = queue_look(name, &queue);
	if (err == 0)
		add(queues, &queue);
	else if (err != EPROTO && err != ENOENT && err != EACCES)
		status = report_queue(name, SHMEMQ_OBSERVER, err);
	free(name);
	return status;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct queue *)a)->name, ((const struct queue *)b)->name);
}

int queues_find(struct queues *queues)
{
	struct dirent *entry;
	int status = 0;
	DIR *dir;

	*queues = (struct queues){ .list = NULL };
	dir = opendir(DIRECTORY);
	if (dir == NULL)
		return report(NULL, DIRECTORY ": %s", strerror(errno));
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    look_at_entry(queues, entry->d_name) != 0)
			status = STATUS_FAILED;
	}
	if (errno != 0)
		status = report(NULL, DIRECTORY ": %s", strerror(errno));
	closedir(dir);
	if (queues->count != 0)
		qsort(queues->list, queues->count, sizeof *queues->list, by_name);
	return status;
}

void queues_free(struct queues *queues)
{
	for (size_t i = 0; i < queues->count; i++)
		queue_free(&queues->list[i]);
	free(queues->list);
}
