/* SPDX-License-Identifier: MIT */
/* A queue without a name that outlives the services at its ends: the service
   manager keeps its descriptor while one of them is restarted.
   service producer SOCKET COUNT, service consumer SOCKET
   cc service.c -o service $(pkg-config --cflags --libs libshmemq libsystemd)
   In both units: Type=notify, Restart=on-failure, FileDescriptorStoreMax=1 */
#include <errno.h>
#include <poll.h>
#include <shmemq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STORE "FDSTORE=1\nFDNAME=queue"

/* What the service manager has kept; -1: nothing, this is the first start. */
static int kept(void)
{
	char **names;
	int count = sd_listen_fds_with_names(1, &names), fd = -1;

	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], "queue") == 0)
			fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	if (count > 0)
		free(names);
	return fd;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	return address;
}

/* Sends the descriptor, or receives it: *fd is -1 if none has come. */
static int pass(int to, int *fd, int receive)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof control };

	if (receive) {
		*fd = -1;
		if (recvmsg(to, &message, MSG_CMSG_CLOEXEC) != 1 ||
		    message.msg_controllen < CMSG_LEN(sizeof *fd))
			return -1;
		memcpy(fd, CMSG_DATA(&control.header), sizeof *fd);
		return 0;
	}
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof *fd);
	memcpy(CMSG_DATA(&control.header), fd, sizeof *fd);
	return sendmsg(to, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* Gives the queue to a consumer that asks, within ten milliseconds. */
static void answer(int listener, int fd)
{
	struct pollfd asked = { .fd = listener, .events = POLLIN };
	int consumer;

	if (poll(&asked, 1, 10) != 1)
		return;
	consumer = accept(listener, NULL, NULL);
	pass(consumer, &fd, 0);
	close(consumer);
}

/* The mark says which number was pushed last, whenever the process died. */
static int produce(const char *path, uint64_t count)
{
	struct sockaddr_un address = address_of(path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = kept(), first = fd < 0;
	struct shmemq_stat st;
	struct shmemq *q;

	if (first)
		fd = shmemq_memfd(NULL);
	q = fd < 0 ? NULL : shmemq_fdopen(fd, SHMEMQ_PRODUCER | SHMEMQ_STAY);
	unlink(path);
	if (q == NULL || shmemq_stat(q, &st) != 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 8) != 0)
		return 1;
	if (first)
		sd_pid_notify_with_fds(0, 0, STORE, &fd, 1);
	sd_notify(0, "READY=1");
	for (uint64_t i = st.producer_mark + 1; i <= count; i++) {
		shmemq_mark(q, i);
		if (shmemq_push(q, &i, sizeof i, 0) != 0)
			return 1;
		answer(listener, fd);
	}
	while (shmemq_wait_empty(q, 0) != 0) /* one may still have to ask */
		answer(listener, fd);
	return shmemq_close(q) != 0;
}

/* The first time the queue comes from the producer. */
static int ask(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int producer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;

	while (connect(producer, (struct sockaddr *)&address,
		       sizeof address) != 0)
		usleep(10000); /* it is being started */
	if (pass(producer, &fd, 1) == 0)
		sd_pid_notify_with_fds(0, 0, STORE, &fd, 1);
	close(producer);
	return fd;
}

/* A number is released when it has been printed: a restarted consumer prints
   the last one again, and says so. */
static int consume(const char *path)
{
	int fd = kept();
	struct shmemq *q;
	const void *data;
	uint64_t number;
	size_t size;

	if (fd < 0)
		fd = ask(path);
	q = fd < 0 ? NULL : shmemq_fdopen(fd, SHMEMQ_CONSUMER);
	if (q == NULL)
		return 1; /* and is started again */
	sd_notify(0, "READY=1");
	do {
		while ((data = shmemq_pop_start(q, &size, NULL)) != NULL) {
			memcpy(&number, data, sizeof number);
			printf("%ju%s\n", (uintmax_t)number,
			       shmemq_redelivered(q) ? " again" : "");
			fflush(stdout);
			shmemq_pop_end(q);
		}
		/* Killed, to be restarted: wait for the next one. */
	} while (errno == EOWNERDEAD && shmemq_wait_peer(q, -1) == 0);
	if (errno != EPIPE)
		return 1;
	return shmemq_close(q) != 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "producer") == 0)
		return produce(argv[2], strtoull(argv[3], NULL, 10));
	return argc == 3 ? consume(argv[2]) : 2;
}
