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
 *	keep		keeps the server's next answer about the state of a stream, which passes, too
 *	old N		the next N such answers are changed for the kept one, as a node that has not caught up would say
 *
 * What else the server answers passes. A client that has gone keeps its connection to the server until `cut`.
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

#include "bytes.h"

#define LINKS 8
#define READ  65536

struct link {
	int client, server; /* -1: gone */
	struct bytes from;  /* from the client, not looked at yet */
	struct bytes held;
	struct bytes back; /* from the server, likewise */
};

static struct link links[LINKS];
static unsigned used;
static unsigned answers;
static bool holding;
static bool keeping;
static unsigned old; /* answers that are still to be changed */
static struct bytes kept;
static struct sockaddr_in upstream;

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

/* The payload of an answer about the state of a stream, with its line's end; NULL: this is none. */
static const char *state_of(const char *data, size_t size)
{
	const char *line = memchr(data, '\n', size);

	if (strncmp(data, "MSG ", 4) != 0 || line == NULL)
		return NULL;
	return memmem(line, size - (size_t)(line - data), "stream_info_response", 20) != NULL ? line + 1 : NULL;
}

/* Sends the kept payload in the place of this one, whose size is the last word of the line before it. */
static void send_old(struct link *l, const char *data, const char *payload)
{
	size_t words = (size_t)(payload - data);
	char size[32];

	while (data[words - 1] != ' ')
		words--;
	send_all(l->client, data, words);
	send_all(l->client, size, (size_t)snprintf(size, sizeof size, "%zu\r\n", kept.used - 2));
	send_all(l->client, kept.data, kept.used);
}

static void answer(struct link *l)
{
	bool publishes;
	size_t size;

	while ((size = message(&l->back, &publishes)) != 0) {
		const char *payload = state_of(l->back.data, size);

		if (payload != NULL && old > 0) {
			old--;
			send_old(l, l->back.data, payload);
		} else {
			send_all(l->client, l->back.data, size);
		}
		if (payload != NULL && keeping) {
			keeping = false;
			kept.used = 0;
			append(&kept, payload, size - (size_t)(payload - l->back.data));
		}
		drop(&l->back, size);
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
			links[i].from.used = links[i].held.used = links[i].back.used = 0;
		}
	}
	if (strncmp(line, "keep", 4) == 0)
		keeping = true;
	if (strncmp(line, "old ", 4) == 0 && kept.used != 0)
		old = (unsigned)strtoul(line + 4, NULL, 10);
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
		append(&l->back, data, (size_t)n);
		answer(l);
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
