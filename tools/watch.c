/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "text.h"

const char *const watch_sorts[WATCH_SORTS] = { "rate", "fill", "name" };

void watch_start(struct watch *watch, const char *prefix)
{
	struct rlimit files;

	*watch = (struct watch){ .prefix = prefix };
	/* A descriptor for each queue. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void forget(struct watched *w)
{
	shmemq_close(w->handle);
	queue_free(&w->queue);
}

void watch_stop(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		forget(&watch->list[i]);
	free(watch->list);
	free(watch->sorted);
}

/* A killed producer's messages may be counted later, and a hostile peer may store any total: it may also shrink. */
static double rate(uint64_t before, uint64_t now, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

/* Reads the queue again. Returns 0 or errno. */
static int look(struct watched *w)
{
	const struct shmemq_stat before = w->queue.stat, *now = &w->queue.stat;
	struct timespec clock;
	double seconds;
	int64_t at;

	clock_gettime(CLOCK_MONOTONIC, &clock);
	if (shmemq_stat(w->handle, &w->queue.stat) != 0)
		return errno;
	at = (int64_t)clock.tv_sec * 1000000000 + clock.tv_nsec;
	seconds = (double)(at - w->at) / 1e9;
	w->rated = w->at != 0 && seconds > 0;
	w->at = at;
	if (w->rated) {
		w->pushed[0] = rate(before.pushed_messages, now->pushed_messages, seconds);
		w->pushed[1] = rate(before.pushed_bytes, now->pushed_bytes, seconds);
		w->popped[0] = rate(before.popped_messages, now->popped_messages, seconds);
		w->popped[1] = rate(before.popped_bytes, now->popped_bytes, seconds);
	}
	return 0;
}

/* Begins to watch the queue. Returns 0 or errno. */
static int begin(struct watched *w, const char *name, ino_t inode)
{
	int err;

	*w = (struct watched){ .inode = inode };
	w->handle = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL);
	if (w->handle == NULL)
		return errno;
	err = shmemq_getattr(w->handle, &w->queue.attr) != 0 ? errno : look(w);
	if (err != 0) {
		shmemq_close(w->handle);
		return err;
	}
	w->queue.name = allocate(strlen(name) + 1);
	strcpy(w->queue.name, name);
	return 0;
}

/* Adds the queue whose file is `entry`. A file that is no queue, or is gone, is passed over, as by queues_find(). */
static void add(struct watch *watch, struct watched *list, size_t *count, const struct dirent *entry)
{
	char name[sizeof entry->d_name + 1] = "/";
	int err;

	strcpy(name + 1, entry->d_name);
	err = begin(&list[*count], name, entry->d_ino);
	if (err == 0) {
		++*count;
	} else if (err == EACCES) {
		watch->unreadable++;
	} else if (err != EPROTO && err != EBADMSG && err != ENOENT) {
		watch->failed++;
		watch->failure = err;
	}
}

static int is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

/* Both the entries and the watched queues are in the order of their names, so one pass finds what has changed. */
static size_t merge(struct watch *watch, struct watched *list, struct dirent **entries, size_t entry_count)
{
	size_t count = 0, old = 0;

	for (size_t i = 0; i < entry_count; i++) {
		const struct dirent *entry = entries[i];
		struct watched *known;

		if (strncmp(entry->d_name, watch->prefix + 1, strlen(watch->prefix + 1)) != 0)
			continue;
		while (old < watch->count && strcmp(watch->list[old].queue.name + 1, entry->d_name) < 0)
			forget(&watch->list[old++]);
		known = old < watch->count && strcmp(watch->list[old].queue.name + 1, entry->d_name) == 0
				? &watch->list[old++]
				: NULL;
		if (known != NULL && known->inode == entry->d_ino && look(known) == 0) {
			list[count++] = *known;
			continue;
		}
		if (known != NULL)
			forget(known);
		add(watch, list, &count, entry);
	}
	while (old < watch->count)
		forget(&watch->list[old++]);
	return count;
}

int watch_turn(struct watch *watch)
{
	struct dirent **entries;
	struct watched *list;
	int count;

	count = scandir(QUEUES_DIRECTORY, &entries, is_entry, by_bytes);
	if (count < 0)
		return errno;
	watch->unreadable = watch->failed = 0;
	list = allocate((size_t)count * sizeof *list + 1);
	watch->count = merge(watch, list, entries, (size_t)count);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	free(watch->list);
	free(watch->sorted);
	watch->list = list;
	watch->sorted = allocate(watch->count * sizeof *watch->sorted + 1);
	for (size_t i = 0; i < watch->count; i++)
		watch->sorted[i] = &list[i];
	return 0;
}

/* The greater of the parts of the bytes and of the messages that there may be; values that a peer makes up exceed 1. */
static double part(const struct watched *w, uint64_t bytes, uint64_t messages)
{
	const struct shmemq_attr *attr = &w->queue.attr;
	uint64_t most = attr->capacity_max > attr->capacity ? attr->capacity_max : attr->capacity;
	double filled = most != 0 ? (double)bytes / (double)most : 0;

	if (attr->messages_max != 0 && (double)messages / attr->messages_max > filled)
		filled = (double)messages / attr->messages_max;
	return filled < 1 ? filled : 1;
}

double watch_fill(const struct watched *w)
{
	return part(w, w->queue.stat.queued_bytes, w->queue.stat.queued_messages);
}

/* The most messages are not known. The most bytes are noted now and then only, so those of now may be more. */
double watch_fill_most(const struct watched *w)
{
	double most = part(w, w->queue.stat.queued_bytes_most, 0), now = watch_fill(w);

	return most > now ? most : now;
}

static double rate_of(const struct watched *w)
{
	return w->pushed[0] + w->popped[0];
}

static int by_name(const void *one, const void *other)
{
	const struct watched *const *a = one, *const *b = other;

	return strcmp((*a)->queue.name, (*b)->queue.name);
}

static int by_rate(const void *one, const void *other)
{
	const struct watched *const *a = one, *const *b = other;
	double x = rate_of(*a), y = rate_of(*b);

	return x > y ? -1 : x < y ? 1 : by_name(one, other);
}

static int by_fill(const void *one, const void *other)
{
	const struct watched *const *a = one, *const *b = other;
	double x = watch_fill(*a), y = watch_fill(*b);

	return x > y ? -1 : x < y ? 1 : by_name(one, other);
}

void watch_sort(struct watch *watch, enum watch_sort by)
{
	static int (*const compare[WATCH_SORTS])(const void *, const void *) = { by_rate, by_fill, by_name };

	qsort(watch->sorted, watch->count, sizeof *watch->sorted, compare[by]);
}
