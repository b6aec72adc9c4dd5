/* SPDX-License-Identifier: MIT */
/* Writes messages to a file from where they lie in the queue, many with one system call: save /NAME FILE
   cc save.c -o save $(pkg-config --cflags --libs libshmemq liburing) */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <shmemq.h>
#include <stdio.h>
#include <unistd.h>

#define MAX 64

/* Plain writes: the kernel registers no buffers in a consumer's mapping, which is read-only. They may complete in any
   order, since each has its offset. */
static int submit(struct io_uring *ring, int fd, const struct shmemq_msg *msgs, int count, uint64_t at)
{
	int submitted = 0, result;

	for (int i = 0; i < count; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring); /* not NULL: the last batch is complete */

		io_uring_prep_write(sqe, fd, msgs[i].data, (unsigned)msgs[i].size, at);
		sqe->user_data = msgs[i].size;
		at += msgs[i].size;
	}
	while (submitted < count) {
		result = io_uring_submit_and_wait(ring, (unsigned)(count - submitted));
		if (result > 0)
			submitted += result;
		else if (result != -EINTR && result != -EAGAIN) {
			errno = -result;
			return -1;
		}
	}
	return 0;
}

/* Until all have completed the kernel may read the messages, and they must not be released. */
static int wait_for(struct io_uring *ring, int count)
{
	struct io_uring_cqe *cqe;
	int error = 0, result;

	for (int i = 0; i < count; i++) {
		do
			result = io_uring_wait_cqe(ring, &cqe);
		while (result == -EINTR);
		if (result < 0) {
			errno = -result;
			return -1;
		}
		if (cqe->res < 0)
			error = -cqe->res;
		else if ((uint64_t)cqe->res != cqe->user_data) /* written in part */
			error = ENOSPC;
		io_uring_cqe_seen(ring, cqe);
	}
	errno = error;
	return error == 0 ? 0 : -1;
}

/* A failed batch is not released: it comes again. The mark, an offset in the file, tells where it has to go. */
static int save(struct shmemq *q, struct io_uring *ring, int fd, uint64_t at)
{
	struct shmemq_msg msgs[MAX];
	int count;

	while ((count = shmemq_popm_start(q, msgs, MAX, -1)) > 0) {
		if (submit(ring, fd, msgs, count, at) != 0 || wait_for(ring, count) != 0)
			return -1;
		for (int i = 0; i < count; i++)
			at += msgs[i].size;
		if (shmemq_mark(q, at) != 0 || shmemq_popm_end(q, (unsigned)count) != 0)
			return -1;
	}
	return errno == EPIPE ? 0 : -1; /* EPIPE: closed, all is read */
}

int main(int argc, char **argv)
{
	struct shmemq_stat st;
	struct io_uring ring;
	struct shmemq *q;
	int fd, error;

	if (argc != 3)
		return 2;
	error = -io_uring_queue_init(MAX, &ring, 0);
	if (error != 0) {
		errno = error; /* ENOSYS, EPERM: forbidden here */
		perror("io_uring");
		return 1;
	}
	q = shmemq_open(argv[1], SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (q == NULL || fd < 0 || shmemq_stat(q, &st) != 0 || ftruncate(fd, (off_t)st.consumer_mark) != 0 ||
	    save(q, &ring, fd, st.consumer_mark) != 0) {
		perror(q == NULL ? argv[1] : argv[2]);
		return 1;
	}
	io_uring_queue_exit(&ring);
	return (shmemq_close(q) | close(fd)) != 0;
}
