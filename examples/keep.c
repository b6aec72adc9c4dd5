/* SPDX-License-Identifier: MIT */
/* Writes each message to a file exactly once, however often it is killed: keep /NAME FILE */
#include <errno.h>
#include <fcntl.h>
#include <shmemq.h>
#include <stdio.h>
#include <unistd.h>

#define MAX 64

int main(int argc, char **argv)
{
	const char *name = argc > 2 ? argv[1] : "/hello";
	int fd = open(argc > 2 ? argv[2] : "hello.log", O_WRONLY | O_CREAT, 0600), count = -1;
	struct shmemq_msg msgs[MAX];
	struct shmemq_stat st;
	struct shmemq *q;
	off_t at;

	q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
	if (fd < 0 || q == NULL || shmemq_stat(q, &st) != 0) {
		perror(name);
		return 1;
	}
	/* What was written and not released comes again: it is cut off. */
	at = (off_t)st.consumer_mark;
	if (ftruncate(fd, at) != 0 || lseek(fd, at, SEEK_SET) != at)
		return 1;
	while ((count = shmemq_popm_start(q, msgs, MAX, -1)) > 0) {
		for (int i = 0; i < count; i++) {
			if (write(fd, msgs[i].data, msgs[i].size) != (ssize_t)msgs[i].size)
				return 1;
			at += (off_t)msgs[i].size;
		}
		shmemq_mark(q, (uint64_t)at); /* in force when they are released, or not at all */
		shmemq_popm_end(q, (unsigned)count);
	}
	if (errno != EPIPE) { /* EPIPE: closed, all is read */
		perror(name);
		return 1;
	}
	return shmemq_close(q) != 0;
}
