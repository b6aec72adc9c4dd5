/* SPDX-License-Identifier: MIT */
/* Prints messages, until the producer has closed: consumer /NAME */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/hello";
	struct shmemq *q;
	const char *text;
	size_t size;

	q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
	while (q && (text = shmemq_pop_start(q, &size, NULL)) != NULL) {
		fwrite(text, 1, size, stdout);
		putchar('\n');
		shmemq_pop_end(q);
	}
	if (q == NULL || errno != EPIPE) { /* EPIPE: closed, all is read */
		perror(name);
		return 1;
	}
	shmemq_close(q);
	return shmemq_unlink(name) != 0;
}
