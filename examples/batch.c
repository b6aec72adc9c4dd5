/* SPDX-License-Identifier: MIT */
/* Writes messages as lines, many with one system call: batch /NAME */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <sys/uio.h>

#define MAX 64

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/hello";
	struct shmemq_msg msgs[MAX];
	struct iovec iov[2 * MAX];
	struct shmemq *q;
	char newline = '\n';
	int count = -1;

	q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
	while (q && (count = shmemq_popm_start(q, msgs, MAX, -1)) > 0) {
		ssize_t bytes = 0;

		for (int i = 0; i < count; i++) {
			iov[2 * i] = (struct iovec){ msgs[i].data, msgs[i].size };
			iov[2 * i + 1] = (struct iovec){ &newline, 1 };
			bytes += (ssize_t)msgs[i].size + 1;
		}
		if (writev(1, iov, 2 * count) != bytes)
			break; /* the messages stay queued, for the next consumer */
		shmemq_popm_end(q, (unsigned)count);
	}
	if (count > 0 || errno != EPIPE) { /* EPIPE: closed, all is read */
		perror(name);
		return 1;
	}
	shmemq_close(q);
	return shmemq_unlink(name) != 0;
}
