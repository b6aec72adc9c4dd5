/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "ends.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "holder.h"
#include "report.h"
#include "text.h"

static char *compose(const char *format, ...) PRINTF_LIKE(1, 2);

static char *compose(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0) {
		report(NULL, "out of memory");
		exit(STATUS_FAILED);
	}
	va_end(args);
	return text;
}

static const char *role(bool producer)
{
	return producer ? "producer" : "consumer";
}

/*
 * "process 12 cat (stopped)". The kernel has told the holder, as a process of this pid namespace. The pid of a claim is
 * as that process saw itself, perhaps in another one: so nothing is said of it but its number.
 */
static char *process(uint32_t holder)
{
	char *description = process_describe(holder), *text;

	text = compose("process %" PRIu32 "%s%s", holder, description != NULL ? " " : "",
		       description != NULL ? description : "");
	free(description);
	return text;
}

char *end_holders(const struct shmemq_stat *st, bool producer)
{
	uint32_t holder = producer ? st->producer_holder_pid : st->consumer_holder_pid;
	uint32_t handles = producer ? st->producers : st->consumers;
	uint32_t pid = producer ? st->producer_pid : st->consumer_pid;
	char *one, *text;

	if (holder != 0) {
		one = process(holder);
		if (handles <= 1)
			return one;
		text = compose("%" PRIu32 " handles, of which %s holds it just now", handles, one);
		free(one);
		return text;
	}
	if (pid == 0)
		return NULL;
	if (handles <= 1)
		return compose("process %" PRIu32, pid);
	return compose("%" PRIu32 " handles, the last one of process %" PRIu32, handles, pid);
}

char *end_awaited(const struct shmemq_stat *st, bool producer)
{
	uint32_t pid = producer ? st->producer_pid : st->consumer_pid;
	uint32_t handles = producer ? st->producers : st->consumers;
	char *holders, *text;

	switch (producer ? st->producer : st->consumer) {
	case SHMEMQ_END_NEVER:
		return compose("no %s has opened it yet", role(producer));
	case SHMEMQ_END_CLOSED:
		return compose("the %s has closed it", role(producer));
	case SHMEMQ_END_DEAD:
		return compose("the %s has died: process %" PRIu32, role(producer), pid);
	default:
		break;
	}
	/* A broadcast queue's consumers: it is the one that is furthest back. */
	if (!producer && st->slowest_pid != 0)
		return handles > 1 ? compose("the slowest of %" PRIu32 " consumers is process %" PRIu32, handles,
					     st->slowest_pid)
				   : compose("the only consumer is process %" PRIu32, st->slowest_pid);
	holders = end_holders(st, producer);
	if (holders == NULL)
		return compose("a %s has it open", role(producer));
	text = handles > 1 ? compose("the %ss are %s", role(producer), holders)
			   : compose("the %s is %s", role(producer), holders);
	free(holders);
	return text;
}

char *end_rival(const struct shmemq_stat *st, bool producer)
{
	uint32_t holder = producer ? st->producer_holder_pid : st->consumer_holder_pid;

	return holder == 0 || holder == (uint32_t)getpid() ? NULL : process(holder);
}
