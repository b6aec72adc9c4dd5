/* SPDX-License-Identifier: MIT */
/*
 * A proxy between a relay and the server, which holds back what the relay publishes.
 *
 *	proxy SERVER-PORT	prints its own port, takes connections on the loopback, and obeys standard input
 *
 * Commands, a line each; it answers each with a line, which says how many are held:
 *	hold		from now on, of what clients send, HPUB with their payloads stay here; all else passes
 *	count		how many are held
 *	answers		how many times the server has answered a client that had gone
 *	pass [N]	lets the N oldest go, or all, to the server, whether the client still lives or not
 *	through		holds no more; what is held stays
 *	open		lets all go, and holds no more
 *	cut		closes the connections; what is held is dropped
 *
 * What the server answers always passes. A client that has gone keeps its connection to the server until `cut`.
 */
#include "config.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS 8
#define READ  65536

struct bytes {
	char *data;
	size_t used, room;
};

struct link {
	int client, server; /* -1: gone */
	struct bytes from;  /* from the client, not looked at yet */
	struct bytes held;
};

static struct link links[LINKS];
static unsigned used;
static unsigned answers;
static bool holding;
static struct sockaddr_in upstream;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void append(struct bytes *b, const char *data, size_t size)
{
	if (b->used + size + 1 > b->room) {
		b->room = (b->used + size + 1) * 2;
		b->data = realloc(b->data, b->room);
		if (b->data == NULL)
			die("memory");
	}
	memcpy(b->data + b->used, data, size);
	b->used += size;
	b->data[b->used] = '\0';
}

static void drop(struct bytes *b, size_t size)
{
	memmove(b->data, b->data + size, b->used - size);
	b->used -= size;
}

static void send_all(int fd, const char *data, size_t size)
{
	while (fd >= 0 && size > 0) {
		ssize_t n = write(fd, data, size);

		if (n <= 0)
			return;
		data += n;
		size -= (size_t)n;
	}
}

/* Bytes of the first complete protocol message in `b`, or 0; `*publishes`: it is an HPUB of a frame. */
static size_t message(const struct bytes *b, bool *publishes)
{
	const char *end = b->used == 0 ? NULL : memchr(b->data, '\n', b->used), *last;
	size_t line, payload = 0;

	*publishes = false;
	if (end == NULL)
		return 0;
	line = (size_t)(end - b->data) + 1;
	if (strncmp(b->data, "HPUB ", 5) == 0 || strncmp(b->data, "PUB ", 4) == 0) {
		last = end;
		while (last > b->data && last[-1] != ' ')
			last--;
		payload = strtoull(last, NULL, 10) + 2;
		*publishes = strncmp(b->data, "HPUB shmemq.", 12) == 0;
	}
	return b->used >= line + payload ? line + payload : 0;
}

static void forward(struct link *l)
{
	bool publishes;
	size_t size;

	while ((size = message(&l->from, &publishes)) != 0) {
		if (holding && publishes)
			append(&l->held, l->from.data, size);
		else
			send_all(l->server, l->from.data, size);
		drop(&l->from, size);
	}
}

static unsigned count_held(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < used; i++) {
		struct bytes rest = links[i].held;
		bool publishes;
		size_t size;

		while ((size = message(&rest, &publishes)) != 0) {
			rest.data += size;
			rest.used -= size;
			n++;
		}
	}
	return n;
}

/* The oldest connection's first. */
static void pass(unsigned long n)
{
	for (unsigned i = 0; i < used; i++) {
		bool publishes;
		size_t size;

		while (n > 0 && (size = message(&links[i].held, &publishes)) != 0) {
			send_all(links[i].server, links[i].held.data, size);
			drop(&links[i].held, size);
			n--;
		}
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void obey(char *line)
{
	if (strncmp(line, "hold", 4) == 0)
		holding = true;
	if (strncmp(line, "pass", 4) == 0)
		pass(line[4] == ' ' ? strtoul(line + 4, NULL, 10) : 1u << 30);
	if (strncmp(line, "through", 7) == 0)
		holding = false;
	if (strncmp(line, "open", 4) == 0) {
		holding = false;
		pass(1u << 30);
	}
	if (strncmp(line, "cut", 3) == 0) {
		for (unsigned i = 0; i < used; i++) {
			close_fd(&links[i].client);
			close_fd(&links[i].server);
			links[i].from.used = links[i].held.used = 0;
		}
	}
	printf("%u\n", strncmp(line, "answers", 7) == 0 ? answers : count_held());
	fflush(stdout);
}

static void accept_client(int listener)
{
	struct link *l = &links[used % LINKS];

	if (used == LINKS)
		die("too many connections");
	l->client = accept(listener, NULL, NULL);
	l->server = socket(AF_INET, SOCK_STREAM, 0);
	if (l->client < 0 || l->server < 0)
		die("accept");
	if (connect(l->server, (struct sockaddr *)&upstream, sizeof upstream) != 0) {
		close_fd(&l->client);
		close_fd(&l->server);
		return;
	}
	used++;
}

static void serve(struct link *l, bool client)
{
	static char data[READ];
	int *fd = client ? &l->client : &l->server;
	ssize_t n = read(*fd, data, sizeof data);

	if (n <= 0) {
		close_fd(fd);
		if (!client)
			close_fd(&l->client);
	} else if (client) {
		append(&l->from, data, (size_t)n);
		forward(l);
	} else {
		if (l->client < 0 && memmem(data, (size_t)n, "MSG ", 4) != NULL)
			answers++;
		send_all(l->client, data, (size_t)n);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof own;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char line[64];

	signal(SIGPIPE, SIG_IGN);
	upstream = own;
	upstream.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 4222));
	if (bind(listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener, LINKS) != 0 ||
	    getsockname(listener, (struct sockaddr *)&own, &size) != 0)
		die("listen");
	printf("%d\n", ntohs(own.sin_port));
	fflush(stdout);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		struct pollfd fds[2 + 2 * LINKS] = { { .fd = STDIN_FILENO, .events = POLLIN },
						     { .fd = listener, .events = POLLIN } };

		for (unsigned i = 0; i < used; i++) {
			fds[2 + 2 * i] = (struct pollfd){ .fd = links[i].client, .events = POLLIN };
			fds[3 + 2 * i] = (struct pollfd){ .fd = links[i].server, .events = POLLIN };
		}
		if (poll(fds, 2 + 2 * used, -1) < 0)
			die("poll");
		for (unsigned i = 0; i < 2 * used; i++) {
			if (fds[2 + i].revents != 0)
				serve(&links[i / 2], i % 2 == 0);
		}
		if (fds[1].revents != 0)
			accept_client(listener);
		if (fds[0].revents != 0) {
			if (fgets(line, sizeof line, stdin) == NULL)
				return 0;
			obey(line);
		}
	}
}
