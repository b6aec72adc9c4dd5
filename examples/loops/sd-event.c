/* SPDX-License-Identifier: MIT */
/* Prints messages in an sd-event loop until the producer closes:
   sd-event /NAME
   cc sd-event.c -o sd-event $(pkg-config --cflags --libs libshmemq libsystemd)
 */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#define AT_A_TIME 100 /* messages: the loop has other things to do */

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
static int readable(sd_event_source *source, int fd, uint32_t events,
		    void *data)
{
	int error = print_some(data);

	(void)fd;
	(void)events;
	fflush(stdout);
	if (error == 0)
		return 0;
	return sd_event_exit(sd_event_source_get_event(source), error);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/hello";
	sd_event_source *source;
	sd_event *event;
	struct shmemq *q;
	int fd, error;

	q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
	fd = q == NULL ? -1 : shmemq_pollfd(q);
	if (fd < 0) {
		perror(name);
		return 1;
	}
	if (sd_event_default(&event) < 0 ||
	    sd_event_add_io(event, &source, fd, EPOLLIN, readable, q) < 0)
		return 1;
	error = sd_event_loop(event); /* what sd_event_exit() was given */
	sd_event_source_unref(source);
	sd_event_unref(event);
	shmemq_close(q); /* last: it closes the descriptor */
	if (error != EPIPE) { /* EOWNERDEAD: the producer was killed */
		fprintf(stderr, "%s: %s\n", name, strerror(error));
		return 1;
	}
	return shmemq_unlink(name) != 0;
}
