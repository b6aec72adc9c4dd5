/* SPDX-License-Identifier: MIT */
/* shmemq bench: prints the figures, as a table and as JSON. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "bench.h"
#include "progress.h"

#define TEXT_BYTES 24

static const struct bench_case *find(const struct bench *bench, enum bench_kind kind, size_t index)
{
	const struct bench_case *c = bench->cases;

	for (;; c++) {
		if (c->kind == kind && index-- == 0)
			return c;
	}
}

/*
 * The table.
 */

/* At least three digits, and the letter for the power of 1000. */
static const char *rate(char text[TEXT_BYTES], const struct bench_case *c, double number)
{
	static const char units[] = " KMGT";
	size_t unit = 0;

	if (!c->fits)
		return "-";
	for (; number >= 999.5 && units[unit + 1] != '\0'; unit++)
		number /= 1000;
	snprintf(text, TEXT_BYTES, "%.*f%.*s",
		 number < 9.995   ? 2
		 : number < 99.95 ? 1
				  : 0,
		 number, unit != 0, units + unit);
	return text;
}

static void print_streams(const struct bench *bench)
{
	printf("%10s  %10s  %10s  %11s\n", "", "BY COPY", "", "IN PLACE");
	printf("%10s  %10s  %10s  %11s  %10s\n", "SIZE", "MESSAGES/S", "BYTES/S", "MESSAGES/S", "BYTES/S");
	for (size_t i = 0; i < BENCH_SIZES; i++) {
		const struct bench_case *copy = find(bench, BENCH_COPY, i), *in_place = find(bench, BENCH_IN_PLACE, i);
		char text[4][TEXT_BYTES];

		printf("%10" PRIu32 "  %10s  %10s  %11s  %10s\n", copy->size, rate(text[0], copy, copy->figures[0]),
		       rate(text[1], copy, copy->figures[0] * copy->size),
		       rate(text[2], in_place, in_place->figures[0]),
		       rate(text[3], in_place, in_place->figures[0] * in_place->size));
	}
}

static void print_waits(const struct bench *bench)
{
	const struct bench_case *c;

	printf("\n%10s  %10s  %10s  %11s\n", "ROUND TRIP", "P50", "P99", "P99.9");
	for (size_t i = 0; i < BENCH_TRIPS; i++) {
		c = find(bench, BENCH_ROUND_TRIP, i);
		printf("%10" PRIu32 "  %7.0f ns  %7.0f ns  %8.0f ns\n", c->size, c->figures[0], c->figures[1],
		       c->figures[2]);
	}
	c = find(bench, BENCH_WAKE_UP, 0);
	printf("\n%10s  %10s\n%10" PRIu32 "  %7.0f ns\n", "WAKE-UP", "P50", c->size, c->figures[0]);
}

void bench_show_header(const struct bench *bench)
{
	if (bench->cpus[0] < 0 || bench->cpus[1] < 0)
		fputs("Two processes, not bound to CPUs", stdout);
	else if (bench->cpus[0] == bench->cpus[1])
		printf("Two processes that share one CPU, %d: they take turns", bench->cpus[0]);
	else
		printf("Two processes on CPUs %d and %d", bench->cpus[0], bench->cpus[1]);
	printf("; ring of %" PRIu64 " bytes; medians of %d rounds\n\n", bench->capacity, BENCH_ROUNDS);
	fflush(stdout);
}

void bench_show_stage(const struct bench_case *c, size_t round)
{
	static const char *const names[] = {
		[BENCH_COPY] = "by copy",
		[BENCH_IN_PLACE] = "in place",
		[BENCH_ROUND_TRIP] = "round trip",
		[BENCH_WAKE_UP] = "wake-up",
	};

	progress_stage("round %zu of %d: %s, %" PRIu32 " bytes", round + 1, BENCH_ROUNDS, names[c->kind], c->size);
}

void bench_show_table(const struct bench *bench)
{
	print_streams(bench);
	print_waits(bench);
}

/*
 * JSON.
 */

static void json_cpu(int cpu)
{
	if (cpu < 0)
		fputs("null", stdout);
	else
		printf("%d", cpu);
}

static void json_rate(const char *key, const struct bench_case *c)
{
	printf(", \"%s\": ", key);
	if (c->fits)
		printf("{\"messages_per_second\": %.0f, \"bytes_per_second\": %.0f}", c->figures[0],
		       c->figures[0] * c->size);
	else
		fputs("null", stdout);
}

void bench_show_json(const struct bench *bench)
{
	printf("{\"version\": \"%s\", \"cpus\": [", shmemq_version());
	json_cpu(bench->cpus[0]);
	fputs(", ", stdout);
	json_cpu(bench->cpus[1]);
	printf("], \"capacity\": %" PRIu64 ", \"rounds\": %d,\n \"stream\": [", bench->capacity, BENCH_ROUNDS);
	for (size_t i = 0; i < BENCH_SIZES; i++) {
		const struct bench_case *c = find(bench, BENCH_COPY, i);

		printf("%s{\"size\": %" PRIu32, i != 0 ? ",\n  " : "\n  ", c->size);
		json_rate("copy", c);
		json_rate("in_place", find(bench, BENCH_IN_PLACE, i));
		putchar('}');
	}
	fputs("],\n \"round_trip\": [", stdout);
	for (size_t i = 0; i < BENCH_TRIPS; i++) {
		const struct bench_case *c = find(bench, BENCH_ROUND_TRIP, i);

		printf("%s{\"size\": %" PRIu32 ", \"p50_ns\": %.0f, \"p99_ns\": %.0f, \"p99_9_ns\": %.0f}",
		       i != 0 ? ",\n  " : "\n  ", c->size, c->figures[0], c->figures[1], c->figures[2]);
	}
	printf("],\n \"wake_up\": {\"p50_ns\": %.0f}}\n", find(bench, BENCH_WAKE_UP, 0)->figures[0]);
}
