/* SPDX-License-Identifier: MIT */
/* Answers any number of clients, each of which has two queues of its own: server SOCKET */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <shmemq.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 400 /* each takes two descriptors */
#define AT_A_TIME 100 /* requests: no client keeps the others waiting */

struct client {
	struct shmemq *requests, *replies; /* NULL: the place is free */
};
static struct client clients[CLIENTS];

/* The lock tells a server that runs from one that was killed, which has left its socket. */
static int bind_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char lock[sizeof address.sun_path + sizeof ".lock"];
	int fd;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	snprintf(lock, sizeof lock, "%s.lock", address.sun_path);
	umask(077); /* other users cannot send to the socket */
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return -1;
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* Receives a datagram with the descriptors of a client's two queues. */
static int receive(int fd, int *queues)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof control };
	struct cmsghdr *header;

	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(queues, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0)); /* one or both */
	return 0;
}

/* Its ends are free then, and it is in the set no more. The client, if it lives, gets EPIPE. */
static void drop(struct client *client)
{
	if (client->requests != NULL)
		shmemq_close(client->requests);
	if (client->replies != NULL)
		shmemq_close(client->replies);
	client->requests = client->replies = NULL;
}

/* A client has claimed its ends before it sends: if it has died meanwhile, the first pop tells. */
static void welcome(int fd, struct shmemq_set *set)
{
	int queues[2] = { -1, -1 }, i = 0;

	if (receive(fd, queues) != 0)
		return;
	while (i < CLIENTS && clients[i].requests != NULL)
		i++;
	if (i < CLIENTS) { /* otherwise the client's wait for the server times out */
		clients[i].requests = shmemq_fdopen(queues[0], SHMEMQ_CONSUMER);
		clients[i].replies = shmemq_fdopen(queues[1], SHMEMQ_PRODUCER);
		if (clients[i].requests == NULL || clients[i].replies == NULL ||
		    shmemq_set_add(set, clients[i].requests, &clients[i]) != 0)
			drop(&clients[i]);
	}
	for (i = 0; i < 2; i++) {
		if (queues[i] >= 0)
			close(queues[i]);
	}
}

/* Never waits: a client that does not take its replies is dropped when they fill its queue. */
static int answer_some(struct client *client)
{
	const char *request;
	char *reply;
	size_t size;
	uint32_t id;

	for (int i = 0; i < AT_A_TIME; i++) {
		request = shmemq_timedpop_start(client->requests, &size, &id, 0);
		if (request == NULL) /* EPIPE, EOWNERDEAD: the client has gone */
			return errno == EAGAIN ? 0 : -1;
		reply = shmemq_timedpush_start(client->replies, size, 0);
		if (reply == NULL)
			return -1;
		for (size_t j = 0; j < size; j++)
			reply[j] = (char)toupper((unsigned char)request[j]);
		if (shmemq_push_end(client->replies, size, id) != 0 || shmemq_pop_end(client->requests) != 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct shmemq_set *set = shmemq_set_open();
	struct pollfd sources[] = { { .events = POLLIN }, { .events = POLLIN }, { .events = POLLIN } };
	sigset_t terminate;
	void *ready[16];
	int fd, count;

	if (set == NULL) {
		perror("shmemq_set_open");
		return 1;
	}
	fd = argc == 2 ? bind_socket(argv[1]) : -1;
	if (fd < 0) {
		perror(argc == 2 ? argv[1] : "server SOCKET");
		return 1;
	}
	sigemptyset(&terminate);
	sigaddset(&terminate, SIGTERM);
	sigprocmask(SIG_BLOCK, &terminate, NULL);
	sources[0].fd = fd;
	sources[1].fd = shmemq_set_fd(set);
	sources[2].fd = signalfd(-1, &terminate, SFD_CLOEXEC);
	while (sources[2].revents == 0) {
		if (poll(sources, 3, -1) < 0)
			continue; /* EINTR */
		if (sources[0].revents != 0)
			welcome(fd, set);
		count = shmemq_set_wait(set, ready, 16, 0);
		for (int i = 0; i < count; i++) {
			if (answer_some(ready[i]) != 0)
				drop(ready[i]);
		}
	}
	unlink(argv[1]);
	for (int i = 0; i < CLIENTS; i++)
		drop(&clients[i]);
	return shmemq_set_close(set) != 0;
}
