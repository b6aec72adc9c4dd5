/* SPDX-License-Identifier: MIT */
/* Sends each of its arguments as a message: producer /NAME TEXT... */
#include <shmemq.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/hello";
	struct shmemq *q;

	q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, NULL);
	if (q == NULL) {
		perror(name);
		return 1;
	}
	for (int i = 2; i < argc; i++) {
		if (shmemq_push(q, argv[i], strlen(argv[i]), 0) != 0) {
			perror(name);
			return 1;
		}
	}
	return shmemq_close(q) != 0;
}
