/* SPDX-License-Identifier: MIT */
/* Prints messages in a GLib main loop until the producer closes: glib /NAME
   cc glib.c -o glib $(pkg-config --cflags --libs libshmemq glib-2.0) */
#include <errno.h>
#include <glib-unix.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>

#define AT_A_TIME 100 /* messages: the loop has other things to do */

struct reader {
	struct shmemq *q;
	GMainLoop *loop;
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
static gboolean readable(gint fd, GIOCondition condition, gpointer data)
{
	struct reader *reader = data;

	(void)fd;
	(void)condition;
	reader->error = print_some(reader->q);
	fflush(stdout);
	if (reader->error == 0)
		return G_SOURCE_CONTINUE;
	g_main_loop_quit(reader->loop);
	return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/hello";
	struct reader reader = { 0 };
	int fd;

	reader.q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600,
			       NULL);
	fd = reader.q == NULL ? -1 : shmemq_pollfd(reader.q);
	if (fd < 0) {
		perror(name);
		return 1;
	}
	reader.loop = g_main_loop_new(NULL, FALSE);
	g_unix_fd_add(fd, G_IO_IN, readable, &reader);
	g_main_loop_run(reader.loop);
	g_main_loop_unref(reader.loop);
	shmemq_close(reader.q); /* last: it closes the descriptor */
	if (reader.error != EPIPE) { /* EOWNERDEAD: the producer was killed */
		fprintf(stderr, "%s: %s\n", name, strerror(reader.error));
		return 1;
	}
	return shmemq_unlink(name) != 0;
}
