/* SPDX-License-Identifier: MIT */
/* The commands on whole queues: create, ls, stat, rm, clean. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "queues.h"
#include "report.h"
#include "text.h"

int run_create(const struct options *options, char **names, int count)
{
	struct shmemq_attr attr = options_attr(options);
	struct shmemq *q;

	(void)count;
	/* An observer claims no end, so both ends are still "never" claimed for the first push and pop. */
	q = shmemq_open(names[0], SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, options->mode, &attr);
	if (q == NULL)
		return report_queue(names[0], SHMEMQ_OBSERVER, errno);
	shmemq_close(q);
	return 0;
}

int run_rm(const struct options *options, char **names, int count)
{
	int status = 0;

	(void)options;
	for (int i = 0; i < count; i++) {
		if (shmemq_unlink(names[i]) != 0)
			status = status_join(status, report_queue(names[i], 0, errno));
	}
	return status;
}

/* Adds the queues of these names that can be read, each once. Returns 0, or reports and returns an exit status. */
static int read_named(struct queues *queues, char **names, int count)
{
	int status = 0;

	*queues = (struct queues){ .list = allocate((size_t)count * sizeof *queues->list) };
	for (int i = 0; i < count; i++) {
		size_t at = 0;
		int err;

		while (at < queues->count && strcmp(queues->list[at].name, names[i]) != 0)
			at++;
		if (at < queues->count)
			continue;
		err = queue_read(names[i], &queues->list[at]);
		if (err == 0)
			queues->count++;
		else
			status = status_join(status, report_queue(names[i], SHMEMQ_OBSERVER, err));
	}
	return status;
}

static void show_json_lines(const struct queues *queues)
{
	for (size_t i = 0; i < queues->count; i++) {
		show_json(&queues->list[i]);
		putchar('\n');
	}
}

static void show_all_fields(const struct queues *queues)
{
	for (size_t i = 0; i < queues->count; i++) {
		fputs(i != 0 ? "\n" : "", stdout);
		show_fields(&queues->list[i]);
	}
}

int run_stat(const struct options *options, char **names, int count)
{
	struct queues queues;
	int status = count != 0 ? read_named(&queues, names, count) : queues_find(&queues), written;

	if (given(options, OPTION_OPENMETRICS))
		show_openmetrics(queues.list, queues.count);
	else if (given(options, OPTION_JSON))
		show_json_lines(&queues);
	else
		show_all_fields(&queues);
	written = finish_output();
	report_unreadable(queues.unreadable);
	queues_free(&queues);
	return status != 0 ? status : written;
}

static void show_json_list(const struct queues *queues)
{
	putchar('[');
	for (size_t i = 0; i < queues->count; i++) {
		fputs(i != 0 ? ",\n " : "\n ", stdout);
		show_json(&queues->list[i]);
	}
	fputs(queues->count != 0 ? "\n]\n" : "]\n", stdout);
}

int run_ls(const struct options *options, char **names, int count)
{
	struct queues queues;
	int status, written;

	(void)names;
	(void)count;
	status = queues_find(&queues);
	if (given(options, OPTION_JSON))
		show_json_list(&queues);
	else
		show_table(queues.list, queues.count);
	written = finish_output();
	report_unreadable(queues.unreadable);
	queues_free(&queues);
	return status != 0 ? status : written;
}

static bool attached(const struct queue *queue)
{
	return queue->stat.producer == SHMEMQ_END_OPEN || queue->stat.consumer == SHMEMQ_END_OPEN;
}

/*
 * Keeps the queues that clean is for: of which no end is open, whose names begin with `prefix`, and that are this
 * user's unless `all_users`. Returns how many were left out for the last reason alone.
 */
static size_t select_unattached(struct queues *queues, const char *prefix, bool all_users)
{
	size_t kept = 0, others = 0;

	for (size_t i = 0; i < queues->count; i++) {
		struct queue *queue = &queues->list[i];
		bool wanted = !attached(queue) && strncmp(queue->name, prefix, strlen(prefix)) == 0;
		bool ours = all_users || queue->owner == geteuid();

		others += wanted && !ours;
		if (wanted && ours)
			queues->list[kept++] = *queue;
		else
			queue_free(queue);
	}
	queues->count = kept;
	return others;
}

/*
 * A producer that was killed may have committed a message that the counts do not show yet: the next handle that claims
 * the end counts it.
 */
static void count_messages(const char *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL);

	if (q != NULL)
		shmemq_close(q);
}

static int read_again(const char *name, struct queue *now)
{
	int err = queue_read(name, now);

	if (err == 0 && now->stat.producer == SHMEMQ_END_DEAD && !attached(now) &&
	    !(now->attr.flags & SHMEMQ_ATTR_TEMPORARY)) {
		queue_free(now);
		count_messages(name);
		err = queue_read(name, now);
	}
	return err;
}

/* Removes the queue `name`, unless an end is open, or it holds messages and `all` is false. */
static int clean_one(const char *name, bool all)
{
	struct queue now;
	char *text;
	int err, status = 0;

	/* Read again just before the removal: shmemq_unlink() removes any queue. */
	err = read_again(name, &now);
	if (err != 0)
		return err == ENOENT ? 0 : report_queue(name, 0, err);
	text = printable(name);
	if (attached(&now)) {
		printf("kept %s: in use\n", text);
	} else if (!all && now.stat.queued_bytes != 0 && !(now.attr.flags & SHMEMQ_ATTR_TEMPORARY)) {
		printf("kept %s: not empty\n", text);
	} else if (shmemq_unlink(name) == 0) {
		printf("removed %s\n", text);
	} else if (errno != ENOENT) {
		status = report_queue(name, 0, errno);
	}
	free(text);
	queue_free(&now);
	return status;
}

int run_clean(const struct options *options, char **names, int count)
{
	struct queues queues;
	int status, written;
	size_t others;

	status = queues_find(&queues);
	others = select_unattached(&queues, count != 0 ? names[0] : "/", given(options, OPTION_ALL_USERS));
	if (given(options, OPTION_FORCE)) {
		for (size_t i = 0; i < queues.count; i++) {
			status = status_join(status, clean_one(queues.list[i].name, given(options, OPTION_ALL)));
		}
	} else {
		show_table(queues.list, queues.count);
	}
	written = finish_output();
	if (others != 0)
		report(NULL, "queues of other users that are left alone: %zu; --all-users includes them", others);
	report_unreadable(queues.unreadable);
	queues_free(&queues);
	return status != 0 ? status : written;
}
