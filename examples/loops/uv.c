/* SPDX-License-Identifier: MIT */
/* Prints messages in a libuv loop until the producer closes: uv /NAME
   cc uv.c -o uv $(pkg-config --cflags --libs libshmemq libuv) */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#define AT_A_TIME 100 /* messages: the loop has other things to do */

struct reader {
	struct shmemq *q;
	uv_poll_t poll;
	int error; /* why there are no more messages */
};

/* Returns 0 if more messages may come, else the errno of the failed pop. */
static int print_some(struct shmemq *q)
{
	const char *text;
	size_t size;

	for (int i = 0; i < AT_A_TIME; i++) {
		text = shmemq_timedpop_start(q, &size, NULL, 0);
		if (text == NULL)
			return errno == EAGAIN ? 0 : errno;
		printf("%.*s\n", (int)size, text);
		shmemq_pop_end(q);
	}
	return 0;
}

/* The descriptor stays readable until a pop fails: if messages are left, the
   loop calls again. So a pop must have failed before it can sleep. */
static void readable(uv_poll_t *poll, int status, int events)
{
	struct reader *reader = poll->data;

	(void)events;
	reader->error = status < 0 ? -status : print_some(reader->q);
	fflush(stdout);
	if (reader->error != 0)
		uv_close((uv_handle_t *)poll, NULL); /* ends uv_run() */
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/hello";
	struct reader reader = { 0 };
	uv_loop_t *loop = uv_default_loop();
	int fd;

	reader.q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600,
			       NULL);
	fd = reader.q == NULL ? -1 : shmemq_pollfd(reader.q);
	if (fd < 0 || uv_poll_init(loop, &reader.poll, fd) != 0 ||
	    uv_poll_start(&reader.poll, UV_READABLE, readable) != 0) {
		perror(name);
		return 1;
	}
	reader.poll.data = &reader;
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	shmemq_close(reader.q); /* after uv_close(): it closes the descriptor */
	if (reader.error != EPIPE) { /* EOWNERDEAD: the producer was killed */
		fprintf(stderr, "%s: %s\n", name, strerror(reader.error));
		return 1;
	}
	return shmemq_unlink(name) != 0;
}
