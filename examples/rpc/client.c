/* SPDX-License-Identifier: MIT */
/* Sends its input's lines to the server, up to PENDING before it reads a reply: client SOCKET [PENDING] */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static struct shmemq *requests, *replies;

/* Fails with ENOENT or ECONNREFUSED if there is no server, and with EAGAIN if it takes no more for ten seconds. */
static int send_queues(const char *path, const int *queues)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(2 * sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	char zero = 0;
	struct iovec byte = { .iov_base = &zero, .iov_len = 1 }; /* some emulators send no datagram without data */
	struct msghdr message = { .msg_name = &address,
				  .msg_namelen = sizeof address,
				  .msg_iov = &byte,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof control };
	struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t sent;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	memcpy(CMSG_DATA(&control.header), queues, 2 * sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	sent = sendmsg(fd, &message, 0);
	close(fd);
	return sent == 1 ? 0 : -1;
}

/* The queues have no name: wherever the client is killed, nothing is left of them. */
static int connect_to(const char *path)
{
	const struct shmemq_attr attr = { .capacity = 65536 };
	int queues[2] = { shmemq_memfd(&attr), shmemq_memfd(&attr) };

	/* Claimed before they are sent, or the server would not learn that the client has died. */
	requests = shmemq_fdopen(queues[0], SHMEMQ_PRODUCER);
	replies = shmemq_fdopen(queues[1], SHMEMQ_CONSUMER);
	if (requests == NULL || replies == NULL || send_queues(path, queues) != 0)
		return -1;
	close(queues[0]);
	close(queues[1]);
	/* The server claims `replies` last. One that is killed before that leaves a timeout. */
	return shmemq_wait_peer(replies, 5 * SECOND);
}

/* EOWNERDEAD: the server has been killed. EPIPE: it has ended, or dropped this client. */
static int print_reply(uint32_t id)
{
	const char *text;
	uint32_t type;
	size_t size;

	text = shmemq_timedpop_start(replies, &size, &type, 5 * SECOND);
	if (text == NULL)
		return -1;
	if (type != id) {
		errno = EPROTO;
		return -1;
	}
	fwrite(text, 1, size, stdout);
	fflush(stdout);
	return shmemq_pop_end(replies);
}

int main(int argc, char **argv)
{
	uint32_t pending = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1, sent = 0, received = 0;
	int status = argc < 2 ? -1 : connect_to(argv[1]);
	char line[1024];

	while (status == 0) {
		if (sent - received < pending && fgets(line, sizeof line, stdin) != NULL)
			status = shmemq_timedpush(requests, line, strlen(line), sent++, 5 * SECOND);
		else if (received != sent)
			status = print_reply(received++);
		else
			return (shmemq_close(requests) | shmemq_close(replies)) != 0;
	}
	perror(argc < 2 ? "client SOCKET [PENDING]" : argv[1]);
	return 1;
}
