/* SPDX-License-Identifier: MIT */
/* The queues that there are, as their observers see them, and showing them. */
#ifndef TOOLS_QUEUES_H
#define TOOLS_QUEUES_H

#include <shmemq.h>
#include <stdbool.h>
#include <stddef.h>

struct queue {
	char *name;
	struct shmemq_attr attr;
	struct shmemq_stat stat;
};

struct queues {
	struct queue *list; /* by name */
	size_t count;
};

/* Looks at one queue. Returns 0 or errno. `name` becomes a copy. */
int queue_look(const char *name, struct queue *queue);
void queue_free(struct queue *queue);

/* Those of /dev/shm that this user may read; all else there is passed over. Returns 0, or says what failed and returns
 * an exit status. */
int queues_find(struct queues *queues);
void queues_free(struct queues *queues);

/* A line each. */
void show_table(const struct queue *list, size_t count);

/* A line for each thing to know of one. */
void show_fields(const struct queue *queue);

/* The same as a JSON object. */
void show_json(const struct queue *queue);

#endif
