/* SPDX-License-Identifier: MIT */
/* `make bench`: compares this library with other ways to send messages between processes. See doc/performance.md. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases.h"

enum { SECONDS = 256, REPETITIONS, CASES, CONTENDERS, ADAPTOR, CPUS, JSON, TSV, QUICK, HELP };

static const struct option options[] = {
	{ "seconds", required_argument, NULL, SECONDS },
	{ "repetitions", required_argument, NULL, REPETITIONS },
	{ "cases", required_argument, NULL, CASES },
	{ "contenders", required_argument, NULL, CONTENDERS },
	{ "adaptor", required_argument, NULL, ADAPTOR },
	{ "cpus", required_argument, NULL, CPUS },
	{ "json", required_argument, NULL, JSON },
	{ "tsv", required_argument, NULL, TSV },
	{ "quick", no_argument, NULL, QUICK },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static void help(void)
{
	fputs("Usage: bench [OPTION]...\n"
	      "  --quick            finish in a minute: 3 repetitions of 0.12 s\n"
	      "  --seconds S        duration of a repetition (default: 0.5)\n"
	      "  --repetitions N    repetitions of each contender in each case (default: 5)\n"
	      "  --cases LIST       cases to run, separated by commas (default: all)\n"
	      "  --contenders LIST  contenders to run, separated by commas (default: all that this build has)\n"
	      "  --adaptor FILE     add the contender of FILE, a shared object; BENCH_ADAPTORS of make bench makes "
	      "them\n"
	      "  --cpus A,B         processors of the producer and the consumer, or one processor for both\n"
	      "                     (default: two that are allowed, on different cores where possible)\n"
	      "  --json FILE        write the results to FILE as JSON\n"
	      "  --tsv FILE         write the results to FILE as columns separated by tabs\n"
	      "cases:",
	      stdout);
	for (unsigned i = 0; i < KINDS; i++)
		printf(" %s", case_names[i]);
	fputs("\ncontenders:", stdout);
	for (unsigned i = 0; contenders[i] != NULL; i++)
		printf(" %s", contenders[i]->name);
	putchar('\n');
}

/* The list of the processors on the core of `cpu`, as the kernel writes it; empty if the kernel does not say. */
static void core_of(int cpu, char *text, size_t size)
{
	char path[80];
	FILE *file;

	text[0] = '\0';
	snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fgets(text, (int)size, file) == NULL)
		text[0] = '\0';
	fclose(file);
}

/*
 * Chooses the first processor that this process may use, and the next one on another core. If there is none, the next
 * one on the same core; if there is none either, the first one for both sides.
 */
static void choose_cpus(void)
{
	char first_core[256], core[256];
	unsigned found = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof set, &set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		if (found++ == 0) {
			bench_cpus[0] = bench_cpus[1] = cpu;
			core_of(cpu, first_core, sizeof first_core);
			continue;
		}
		if (found == 2)
			bench_cpus[1] = cpu;
		core_of(cpu, core, sizeof core);
		if (core[0] == '\0' || strcmp(core, first_core) != 0) {
			bench_cpus[1] = cpu;
			return;
		}
	}
}

_Noreturn static void usage_error(const char *option, const char *argument, const char *wanted)
{
	fprintf(stderr, "bench: invalid --%s \"%s\": it must be %s\n", option, argument, wanted);
	exit(2);
}

static bool is_case(const char *name)
{
	for (unsigned i = 0; i < KINDS; i++) {
		if (strcmp(name, case_names[i]) == 0)
			return true;
	}
	return false;
}

static bool is_contender(const char *name)
{
	for (unsigned i = 0; contenders[i] != NULL; i++) {
		if (strcmp(name, contenders[i]->name) == 0)
			return true;
	}
	return false;
}

/* Refuses unknown names: ignoring a misspelt name would leave out more than the caller meant. */
static const char *check_list(const char *option, const char *list, bool (*is_known)(const char *))
{
	char *copy = strdup(list), *rest = NULL;

	for (char *name = strtok_r(copy, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
		if (!is_known(name))
			usage_error(option, list, "a list of names that --help shows, separated by commas");
	}
	free(copy);
	return list;
}

/* Parses "A,B", or "A" for both sides. */
static bool parse_cpus(const char *text)
{
	int used = 0;

	if (sscanf(text, "%d,%d%n", &bench_cpus[0], &bench_cpus[1], &used) != 2) {
		sscanf(text, "%d%n", &bench_cpus[0], &used);
		bench_cpus[1] = bench_cpus[0];
	}
	return used > 0 && text[used] == '\0' && bench_cpus[0] >= 0 && bench_cpus[0] < CPU_SETSIZE &&
	       bench_cpus[1] >= 0 && bench_cpus[1] < CPU_SETSIZE;
}

static void apply_option(struct settings *settings, int option, const char *argument)
{
	switch (option) {
	case SECONDS:
		settings->seconds = atof(argument);
		if (!(settings->seconds >= 0.001 && settings->seconds <= 3600))
			usage_error("seconds", argument, "a number from 0.001 to 3600");
		break;
	case REPETITIONS:
		settings->repetitions = (unsigned)atoi(argument);
		if (settings->repetitions < 1 || settings->repetitions > REPETITIONS_MAX)
			usage_error("repetitions", argument, "a number from 1 to 99");
		break;
	case CASES:
		settings->cases = check_list("cases", argument, is_case);
		break;
	case CONTENDERS:
		settings->contenders = check_list("contenders", argument, is_contender);
		break;
	case ADAPTOR:
		add_adaptor(argument);
		break;
	case CPUS:
		if (!parse_cpus(argument))
			usage_error("cpus", argument, "a processor number, or two separated by a comma");
		break;
	case JSON:
		settings->json = argument;
		break;
	case TSV:
		settings->tsv = argument;
		break;
	case QUICK:
		settings->seconds = 0.12;
		settings->repetitions = 3;
		break;
	case HELP:
		help();
		exit(0);
	default:
		exit(2); /* getopt_long() has printed the reason */
	}
}

int main(int argc, char **argv)
{
	struct settings settings = { .seconds = 0.5, .repetitions = 5 };
	struct results results;
	int option;
	bool good;

	choose_cpus();
	if (getloadavg(&settings.load, 1) != 1)
		settings.load = -1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		apply_option(&settings, option, optarg);
	if (optind < argc) {
		fprintf(stderr, "bench: unexpected argument \"%s\": see --help\n", argv[optind]);
		return 2;
	}
	good = run_cases(&settings, &results);
	return report(&settings, &results) && good ? 0 : 1;
}
