/* SPDX-License-Identifier: MIT */
/* Prints the results as a table, and writes them as JSON and as columns for gnuplot. */
#include "config.h"

#include <shmemq.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cases.h"

/* Summary of one row: medians over its repetitions. */
struct line {
	const struct result *row;
	double value, min, max, p99, p999, cpu;
	double gigabytes; /* 1e9 bytes/s */
	double ratio;     /* to the better of copy and inplace in the same trial; 0 = neither was measured */
};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of one field of the outcomes, a double at `offset`. */
static double median(const struct result *row, size_t offset, double *min, double *max)
{
	double values[REPETITIONS_MAX];

	for (unsigned i = 0; i < row->count; i++)
		memcpy(&values[i], (const char *)&row->outcomes[i] + offset, sizeof values[i]);
	qsort(values, row->count, sizeof values[0], ascending);
	*min = values[0];
	*max = values[row->count - 1];
	return (values[(row->count - 1) / 2] + values[row->count / 2]) / 2;
}

/* In TRIES, a push and a pop take the place of the calls that copy; in GROWTH, the kernel's part. */
#define REFERENCES "copy,inplace,push-pop,fallocate"

static double reference(const struct results *results, const struct trial *trial)
{
	double best = 0, value, min, max;

	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->rows[i];

		if (row->count == 0 || row->trial != trial || !listed(REFERENCES, row->contender->name))
			continue;
		value = median(row, offsetof(struct outcome, value), &min, &max);
		if (best == 0 || (is_cost(trial) ? value < best : value > best))
			best = value;
	}
	return best;
}

static struct line summarize(const struct results *results, const struct result *row)
{
	double best = reference(results, row->trial), min, max;
	struct line line = { .row = row };

	line.p99 = median(row, offsetof(struct outcome, p99), &min, &max);
	line.p999 = median(row, offsetof(struct outcome, p999), &min, &max);
	line.cpu = median(row, offsetof(struct outcome, cpu), &min, &max);
	line.value = median(row, offsetof(struct outcome, value), &line.min, &line.max);
	line.gigabytes = is_cost(row->trial) ? 0 : line.value * (double)row->trial->size / 1e9;
	line.ratio = best > 0 ? line.value / best : 0;
	return line;
}

static bool has_quantiles(enum kind kind)
{
	return kind == ROUND_TRIP || kind == WAKE || kind == PREFAULT;
}

static void print_title(enum kind kind)
{
	static const char *const units[KINDS] = {
		[ROUND_TRIP] = "ns",
		[WAKE] = "ns",
		[CALLS] = "system calls a message",
		[TRIES] = "ns, one process",
		[IDLE] = "ns, one process",
		[PREFAULT] = "ns, the first lap",
		[STRANGER] = "percent lost",
		[GROWTH] = "ns a MiB, one process",
	};
	const char *value = kind == PREFAULT ? "p99.9" : has_quantiles(kind) ? "p50" : "median";

	printf("\n%-10s  %-31s %-15s %9s %9s %9s", case_names[kind],
	       units[kind] != NULL ? units[kind] : "million messages/s", "contender", value, "min", "max");
	if (has_quantiles(kind))
		printf(" %9s %9s %6s\n", "p99", "p99.9", "ratio");
	else if (units[kind] != NULL)
		puts(kind == TRIES || kind == GROWTH ? "  ratio" : "");
	else
		printf(" %9s %9s %6s\n", "GB/s", "cpu s/M", "ratio");
}

static void print_line(const struct line *line)
{
	const struct trial *trial = line->row->trial;
	double scale = is_cost(trial) ? 1 : 1e-6;
	int digits = trial->kind == CALLS ? 7 : is_cost(trial) ? 1 : 3;

	if (trial->kind == PRODUCERS)
		printf("%7zu B  %9zu B ring  %4u to 1      %-15s", trial->size, trial->capacity, trial->producers,
		       line->row->contender->name);
	else if (trial->kind == READERS)
		printf("%7zu B  %9zu B ring  1 to %-4u      %-15s", trial->size, trial->capacity, trial->readers,
		       line->row->contender->name);
	else
		printf("%7zu B  %9zu B ring  %4u queue%s    %-15s", trial->size, trial->capacity, trial->queues,
		       trial->queues == 1 ? " " : "s", line->row->contender->name);
	printf(" %9.*f %9.*f %9.*f", digits, line->value * scale, digits, line->min * scale, digits, line->max * scale);
	if (has_quantiles(trial->kind))
		printf(" %9.1f %9.1f", line->p99, line->p999);
	else if (!is_cost(trial))
		printf(" %9.3f %9.3f", line->gigabytes, line->cpu);
	if (line->ratio > 0 && trial->kind != CALLS && trial->kind != STRANGER)
		printf(" %6.2f", line->ratio);
	putchar('\n');
}

/* The kernel's name for the processor, without characters that JSON would have to escape. */
static void processor_name(char *name, size_t size)
{
	FILE *info = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(name, size, "unknown processor");
	while (info != NULL && fgets(line, sizeof line, info) != NULL) {
		if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
			snprintf(name, size, "%s", strchr(line, ':') + 2);
			break;
		}
	}
	for (char *at = name; *at != '\0'; at++) {
		if (*at == '\n')
			*at = '\0';
		else if (*at == '"' || *at == '\\' || *at < ' ')
			*at = ' ';
	}
	if (info != NULL)
		fclose(info);
}

/* And the day of the run. */
static void describe_machine(char *text, size_t size)
{
	time_t now = time(NULL);
	struct utsname system;
	char name[128], date[32];

	strftime(date, sizeof date, "%Y-%m-%d", localtime(&now));
	processor_name(name, sizeof name);
	uname(&system);
	snprintf(text, size, "%s, %ld processors, %s %s %s, compiler %.40s, libshmemq %s, %s", name,
		 sysconf(_SC_NPROCESSORS_ONLN), system.sysname, system.release, system.machine, __VERSION__,
		 shmemq_version(), date);
}

static void json_line(FILE *file, const struct line *line)
{
	const struct trial *trial = line->row->trial;

	fprintf(file,
		"\t\t{\"case\": \"%s\", \"unit\": \"%s\", \"size\": %zu, \"capacity\": %zu, \"queues\": %u, "
		"\"producers\": %u, \"readers\": %u, \"contender\": \"%s\",\n\t\t\"median\": %.9g, \"min\": %.9g, "
		"\"max\": %.9g, ",
		case_names[trial->kind], case_units[trial->kind], trial->size, trial->capacity, trial->queues,
		trial->producers, trial->readers, line->row->contender->name, line->value, line->min, line->max);
	fprintf(file, "\"p99\": %.9g, \"p999\": %.9g, \"gigabytes\": %.6g, \"cpu\": %.6g, \"ratio\": %.6g,\n",
		line->p99, line->p999, line->gigabytes, line->cpu, line->ratio);
	fputs("\t\t\"values\": [", file);
	for (unsigned i = 0; i < line->row->count; i++)
		fprintf(file, "%s%.9g", i == 0 ? "" : ", ", line->row->outcomes[i].value);
	fputs("]}", file);
}

static void write_json(FILE *file, const struct settings *settings, const struct line *lines, size_t count)
{
	char text[512];

	describe_machine(text, sizeof text);
	fprintf(file,
		"{\n\t\"machine\": \"%s\",\n\t\"cpus\": [%d, %d],\n\t\"load\": %.2f,\n\t\"seconds\": %g,\n"
		"\t\"repetitions\": %u,\n\t\"results\": [\n",
		text, bench_cpus[0], bench_cpus[1], settings->load, settings->seconds, settings->repetitions);
	for (size_t i = 0; i < count; i++) {
		json_line(file, &lines[i]);
		fputs(i + 1 < count ? ",\n" : "\n", file);
	}
	fputs("\t]\n}\n", file);
}

static void write_tsv(FILE *file, const struct settings *settings, const struct line *lines, size_t count)
{
	char text[512];

	(void)settings;
	describe_machine(text, sizeof text);
	fprintf(file, "# %s\n", text);
	fputs("case\tsize\tcapacity\tqueues\tcontender\tmedian\tmin\tmax\tp99\tp999\tgigabytes\tcpu\tratio\t"
	      "producers\treaders\n",
	      file);
	for (size_t i = 0; i < count; i++) {
		const struct line *line = &lines[i];
		const struct trial *trial = line->row->trial;

		fprintf(file, "%s\t%zu\t%zu\t%u\t%s\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.6g\t%.6g\t%.6g\t%u\t%u\n",
			case_names[trial->kind], trial->size, trial->capacity, trial->queues,
			line->row->contender->name, line->value, line->min, line->max, line->p99, line->p999,
			line->gigabytes, line->cpu, line->ratio, trial->producers, trial->readers);
	}
}

static bool write_file(const char *path, void (*write_to)(FILE *, const struct settings *, const struct line *, size_t),
		       const struct settings *settings, const struct line *lines, size_t count)
{
	FILE *file;

	if (path == NULL)
		return true;
	file = fopen(path, "we");
	if (file != NULL)
		write_to(file, settings, lines, count);
	if (file == NULL || fclose(file) != 0) {
		perror(path);
		return false;
	}
	return true;
}

bool report(const struct settings *settings, const struct results *results)
{
	struct line *lines = calloc(results->count + 1, sizeof *lines);
	enum kind kind = KINDS;
	size_t count = 0;
	char text[512];

	if (lines == NULL)
		die("calloc");
	describe_machine(text, sizeof text);
	printf("%s; processors %d and %d, load %.2f before\n"
	       "%u repetitions of %g s, median; ratio: to the better of copy and inplace\n",
	       text, bench_cpus[0], bench_cpus[1], settings->load, settings->repetitions, settings->seconds);
	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->rows[i];

		if (row->count == 0)
			continue;
		if (row->trial->kind != kind)
			print_title(kind = row->trial->kind);
		lines[count] = summarize(results, row);
		print_line(&lines[count++]);
	}
	return write_file(settings->json, write_json, settings, lines, count) &&
	       write_file(settings->tsv, write_tsv, settings, lines, count);
}
