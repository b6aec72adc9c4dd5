/* SPDX-License-Identifier: MIT */
/* How a table fits a terminal. */
#ifndef TOOLS_FIT_H
#define TOOLS_FIT_H

#include <stddef.h>
#include <stdio.h>

#define FIT_GAP 2 /* blanks between columns */

/* Columns that standard output has: as COLUMNS says, or the terminal does; 0: there is no limit. */
size_t fit_limit(void);

/*
 * Makes `widths` of the columns of a table fit `limit`: sets to 0 those of `spare`, from its first on, and then cuts
 * column 0, the name. A name is not cut below FIT_NAME_LEAST while there are spare columns, nor below half of that.
 */
void fit(size_t *widths, size_t count, const size_t *spare, size_t spares, size_t limit);

#define FIT_NAME_LEAST 16

/*
 * Writes printable() text in at most `width` columns. If it is longer: its beginning, two dots and its end, in just so
 * many columns.
 */
void fit_print(FILE *out, const char *text, size_t width);

#endif
