/* SPDX-License-Identifier: MIT */
/* Who is measured, on what, and what came of it. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "run.h"

#define REPETITIONS_MAX 99

extern const char *const case_names[KINDS];
extern const char *const case_units[KINDS];
extern const struct contender *const contenders[]; /* ends with NULL */

struct result {
	const struct contender *contender;
	const struct trial *trial; /* the same in all results of a case */
	unsigned count;            /* 0: could not be had */
	struct outcome outcomes[REPETITIONS_MAX];
};

struct results {
	struct result *rows;
	size_t count;
};

struct settings {
	double seconds;
	unsigned repetitions;
	const char *cases, *contenders; /* names with commas between them; NULL = all */
	const char *json, *tsv;         /* files to write; NULL = none */
	double load;                    /* the machine's load average before the run; what is over 0 disturbs */
};

/* Is `name` in `list`? */
bool listed(const char *list, const char *name);

/* Every contender in turn, then the next repetition: what disturbs the machine disturbs them all. False: one failed. */
bool run_cases(const struct settings *settings, struct results *results);

/* Lower is better. */
static inline bool is_cost(const struct trial *trial)
{
	return trial->kind == SPINNING || trial->kind == SLEEPING || trial->kind == CALLS;
}

/* Prints the table and writes the files. False: could not, said on standard error. */
bool report(const struct settings *settings, const struct results *results);

#endif
