/* SPDX-License-Identifier: MIT */
/* Finding queues, reading them as an observer, and printing what was read. */
#ifndef TOOLS_QUEUES_H
#define TOOLS_QUEUES_H

#include <shmemq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The queue /foo is the file foo in this directory. */
#define QUEUES_DIRECTORY "/dev/shm"

struct queue {
	char *name;
	uid_t owner;
	struct shmemq_attr attr;
	struct shmemq_stat stat;
};

struct queues {
	struct queue *list; /* by name */
	size_t count;
	size_t unreadable; /* files that may be queues, but this user may not read them */
};

/* Reads what an observer sees of one queue, and copies `name`. Returns 0 or errno. */
int queue_read(const char *name, struct queue *queue);
void queue_free(struct queue *queue);

/* Finds the queues in /dev/shm that this user may read, and passes over everything else there. Returns 0, or reports
 * what failed and returns an exit status. */
int queues_find(struct queues *queues);
void queues_free(struct queues *queues);

/* Reports so many files that may be queues, but this user may not read them; none: nothing. */
void report_unreadable(size_t count);

/* SHMEMQ_END_* in a word. */
const char *end_state(uint32_t end);

/* Prints a table with a line for each queue. */
void show_table(const struct queue *list, size_t count);

/* Prints the metrics of these queues, of which no two have one name, in the text format of OpenMetrics. */
void show_openmetrics(const struct queue *list, size_t count);

/* Prints a line for each field of one queue. */
void show_fields(const struct queue *queue);

/* Prints the same fields as a JSON object. */
void show_json(const struct queue *queue);

/* The same without the last brace, so that more fields may follow. */
void show_json_open(const struct queue *queue);

#endif
