/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

const char *const case_names[KINDS] = { "throughput", "round-trip", "wake",    "one-cpu", "capacity",
					"queues",     "producers",  "calls",   "tries",   "idle",
					"prefault",   "stranger",   "readers", "growth",  "followers" };
const char *const case_units[KINDS] = { "messages/s", "ns",         "ns",         "messages/s", "messages/s",
					"messages/s", "messages/s", "calls",      "ns",         "ns",
					"ns",         "percent",    "messages/s", "ns",         "messages/s" };

static const struct trial trials[] = {
	{ THROUGHPUT, 8, MIB, 1, 1, 0 },
	{ THROUGHPUT, 64, MIB, 1, 1, 0 },
	{ THROUGHPUT, 256, MIB, 1, 1, 0 },
	{ THROUGHPUT, KIB, MIB, 1, 1, 0 },
	{ THROUGHPUT, 4 * KIB, MIB, 1, 1, 0 },
	{ THROUGHPUT, 64 * KIB, MIB, 1, 1, 0 },
	{ ROUND_TRIP, 8, MIB, 1, 1, 0 },
	{ ROUND_TRIP, 64, MIB, 1, 1, 0 },
	{ WAKE, 64, MIB, 1, 1, 0 },
	{ ONE_CPU, 64, MIB, 1, 1, 0 },
	{ CAPACITY, 64, 64 * KIB, 1, 1, 0 },
	{ CAPACITY, 64, MIB, 1, 1, 0 },
	{ CAPACITY, 64, 16 * MIB, 1, 1, 0 },
	{ CAPACITY, KIB, 64 * KIB, 1, 1, 0 },
	{ CAPACITY, KIB, MIB, 1, 1, 0 },
	{ CAPACITY, KIB, 16 * MIB, 1, 1, 0 },
	{ QUEUES, 64, 64 * KIB, 1, 1, 0 },
	{ QUEUES, 64, 64 * KIB, 4, 1, 0 },
	{ QUEUES, 64, 64 * KIB, 16, 1, 0 },
	{ QUEUES, 64, 64 * KIB, 64, 1, 0 },
	{ PRODUCERS, 64, MIB, 1, 1, 0 },
	{ PRODUCERS, 64, MIB, 1, 2, 0 },
	{ PRODUCERS, 64, MIB, 1, 4, 0 },
	{ PRODUCERS, 64, MIB, 1, 8, 0 },
	{ CALLS, 64, MIB, 1, 1, 0 },
	{ TRIES, 8, MIB, 1, 0, 0 },
	{ IDLE, 8, 4 * KIB, 64, 0, 0 },
	{ IDLE, 8, 4 * KIB, 1024, 0, 0 },
	{ PREFAULT, 64, MIB, 1, 1, 0 },
	{ STRANGER, 64, MIB, 1, 1, 0 },
	{ READERS, 64, MIB, 1, 1, 1 },
	{ READERS, 64, MIB, 1, 1, 2 },
	{ READERS, 64, MIB, 1, 1, 4 },
	{ READERS, 64, MIB, 1, 1, 8 },
	{ READERS, 4 * KIB, MIB, 1, 1, 1 },
	{ READERS, 4 * KIB, MIB, 1, 1, 4 },
	{ GROWTH, 64, MIB, 1, 0, 0 },
	{ GROWTH, KIB, MIB, 1, 0, 0 },
	{ GROWTH, 64 * KIB, MIB, 1, 0, 0 },
	{ FOLLOWERS, 64, MIB, 1, 1, 0 },
	{ FOLLOWERS, KIB, MIB, 1, 1, 0 },
};
#define TRIALS (sizeof trials / sizeof trials[0])

extern const struct contender with_copy, with_inplace, with_batch, with_semaphores, with_memcpy, with_packed,
	with_mailbox, with_futex, with_mq, with_pipe, with_seqpacket, with_qb, with_ck, with_zmq, with_push_pop,
	with_try_pop, with_try_push, with_prefault, with_fanout, with_growing, with_growth, with_fallocate,
	with_follower, with_followers, with_slow_follower, with_slow_followers, with_set;

const struct contender *contenders[CONTENDERS_MAX + 1] = {
	&with_copy,     &with_inplace,   &with_batch,    &with_semaphores, &with_memcpy,        &with_packed,
	&with_mailbox,  &with_futex,     &with_mq,       &with_pipe,       &with_seqpacket,
#ifdef HAVE_QB
	&with_qb,
#endif
#ifdef HAVE_CK_RING_H
	&with_ck,
#endif
#ifdef HAVE_ZMQ
	&with_zmq,
#endif
	&with_push_pop, &with_try_pop,   &with_try_push, &with_prefault,   &with_fanout,        &with_growing,
	&with_growth,   &with_fallocate, &with_follower, &with_followers,  &with_slow_follower, &with_slow_followers,
	&with_set,
};

bool listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (list != NULL && *list != '\0') {
		size_t item = strcspn(list, ",");

		if (item == length && strncmp(list, name, item) == 0)
			return true;
		list += item;
		list += *list == ',';
	}
	return false;
}

static bool applies(const struct settings *settings, const struct contender *contender, const struct trial *trial)
{
	if (settings->contenders != NULL && !listed(settings->contenders, contender->name))
		return false;
	if (!(contender->can & CAN(trial->kind)))
		return false;
	if (trial->kind == STRANGER && bench_cpus[0] == bench_cpus[1])
		return false;
	return trial->size >= contender->size_min && (contender->size_max == 0 || trial->size <= contender->size_max);
}

/* Makes a row for each contender of each trial, in the order of the table. */
static void make_rows(const struct settings *settings, struct results *results)
{
	results->count = 0;
	results->rows = calloc(TRIALS * CONTENDERS_MAX, sizeof *results->rows);
	if (results->rows == NULL)
		die("calloc");
	for (size_t i = 0; i < TRIALS; i++) {
		if (settings->cases != NULL && !listed(settings->cases, case_names[trials[i].kind]))
			continue;
		for (size_t j = 0; contenders[j] != NULL; j++) {
			if (applies(settings, contenders[j], &trials[i]))
				results->rows[results->count++] =
					(struct result){ .contender = contenders[j], .trial = &trials[i] };
		}
	}
}

static void progress(const struct result *row, size_t done, size_t all)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r[%zu/%zu] %s, %zu bytes: %s\033[K", done, all, case_names[row->trial->kind],
			row->trial->size, row->contender->name);
}

bool run_cases(const struct settings *settings, struct results *results)
{
	size_t begin = 0, done = 0;
	bool good = true;

	make_rows(settings, results);
	while (begin < results->count) {
		size_t end = begin + 1;

		while (end < results->count && results->rows[end].trial == results->rows[begin].trial)
			end++;
		for (unsigned repetition = 0; repetition < settings->repetitions; repetition++) {
			for (size_t i = begin; i < end; i++) {
				struct result *row = &results->rows[i];
				bool unavailable = false;

				progress(row, ++done, results->count * settings->repetitions);
				if (row->count < repetition)
					continue; /* an earlier repetition failed: no more are tried */
				if (run_once(row->contender, row->trial, settings->seconds, &row->outcomes[row->count],
					     &unavailable))
					row->count++;
				else if (!unavailable)
					good = false;
			}
		}
		begin = end;
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return good;
}
