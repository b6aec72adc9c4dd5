/* SPDX-License-Identifier: MIT */
/* Writes lines to a log that many programs share: log /NAME PROGRAM LINES */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND (1000 * INT64_C(1000000))

static unsigned lost;

/* A program must not stand still because nobody reads its log: it waits a second at most, and counts what is lost. */
static int write_line(struct shmemq *q, const char *program, unsigned number)
{
	char line[128];
	int size = snprintf(line, sizeof line, "%.80s: line %u, lost so far: %u\n", program, number, lost);

	if (shmemq_timedpush(q, line, (size_t)size, 0, SECOND) == 0)
		return 0;
	lost++;
	return errno == ETIMEDOUT ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *name = argc > 3 ? argv[1] : "/log", *program = argc > 3 ? argv[2] : "log";
	unsigned lines = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 10;
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_STAY, 0, NULL);

	for (unsigned number = 1; q != NULL && number <= lines; number++) {
		if (write_line(q, program, number) != 0) {
			perror(name);
			return 1;
		}
	}
	if (q == NULL) {
		perror(name);
		return 1;
	}
	return shmemq_close(q) != 0;
}
