/* SPDX-License-Identifier: MIT */
/* The contenders, the cases that they are measured in, and the results. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "run.h"

#define REPETITIONS_MAX 99
#define CONTENDERS_MAX  32

extern const char *const case_names[KINDS];
extern const char *const case_units[KINDS];
extern const struct contender *contenders[]; /* ends with NULL */

struct result {
	const struct contender *contender;
	const struct trial *trial; /* results of the same trial have the same pointer */
	unsigned count;            /* of outcomes; 0: the contender is not available or failed */
	struct outcome outcomes[REPETITIONS_MAX];
};

struct results {
	struct result *rows;
	size_t count;
};

struct settings {
	double seconds;
	unsigned repetitions;
	const char *cases, *contenders; /* names separated by commas; NULL = all */
	const char *json, *tsv;         /* files to write; NULL = none */
	double load;                    /* load average of the machine before the run; -1 = unknown */
};

/* Adds the contender of an adaptor, a shared object. Ends this process if that fails. */
void add_adaptor(const char *path);

/* True: `name` is in `list`, whose names are separated by commas. */
bool listed(const char *list, const char *name);

/*
 * Runs the contenders of a trial in turn, then the next repetition of them: so a disturbance of the machine hits them
 * all. False: one failed.
 */
bool run_cases(const struct settings *settings, struct results *results);

/* True: lower is better. */
static inline bool is_cost(const struct trial *trial)
{
	return strcmp(case_units[trial->kind], "messages/s") != 0;
}

/* Prints the table and writes the files. False: a file cannot be written; standard error says why. */
bool report(const struct settings *settings, const struct results *results);

#endif
