/* SPDX-License-Identifier: MIT */
/*
 * What make bench-nats compares the relay with, and its latency. Each prints one number.
 *
 *	nats core URL COUNT SIZE		messages a second from a publisher to a subscriber, no store
 *	nats jetstream URL STREAM COUNT SIZE	messages a second into a stream, each acknowledged
 *	nats latency QUEUE QUEUE COUNT		median microseconds from the push into one queue to the pop from the
 *						other, of messages of 64 bytes, a millisecond after each other
 */
#include "config.h"

#include <errno.h>
#include <nats/nats.h>
#include <shmemq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static void die(const char *what)
{
	fprintf(stderr, "nats: %s\n", what);
	exit(1);
}

static void must(natsStatus s)
{
	if (s != NATS_OK)
		die(natsStatus_GetText(s));
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static natsConnection *connect_to(const char *url)
{
	natsConnection *nc;

	must(natsConnection_ConnectTo(&nc, url));
	return nc;
}

/* The first message is the sign to begin. The clock runs from the second one to the last. */
static void subscribe(const char *url, long count, int ready)
{
	natsConnection *nc = connect_to(url);
	natsSubscription *sub;
	natsMsg *message;
	int64_t start = 0;

	must(natsConnection_SubscribeSync(&sub, nc, "bench"));
	must(natsSubscription_SetPendingLimits(sub, -1, -1));
	must(natsConnection_Flush(nc));
	if (write(ready, "", 1) != 1)
		die("write");
	for (long i = 0; i < count; i++) {
		must(natsSubscription_NextMsg(&message, sub, 60000));
		natsMsg_Destroy(message);
		if (i == 0)
			start = now_ns();
	}
	printf("%.0f\n", (double)(count - 1) * 1e9 / (double)(now_ns() - start));
	fflush(stdout);
	_exit(0);
}

static void core(const char *url, long count, int size)
{
	char *data = calloc(1, (size_t)size + 1), byte;
	natsConnection *nc;
	int fds[2], status;

	/* libnats starts threads: the fork comes first. */
	if (data == NULL || pipe(fds) != 0)
		die("pipe");
	if (fork() == 0)
		subscribe(url, count, fds[1]);
	nc = connect_to(url);
	if (read(fds[0], &byte, 1) != 1)
		die("read");
	for (long i = 0; i < count; i++)
		must(natsConnection_Publish(nc, "bench", data, size));
	must(natsConnection_Flush(nc));
	if (wait(&status) < 0 || status != 0)
		die("the subscriber has failed");
}

static void jetstream(const char *url, const char *subject, long count, int size)
{
	char *data = calloc(1, (size_t)size + 1);
	natsConnection *nc = connect_to(url);
	jsOptions options;
	int64_t start;
	jsCtx *js;

	must(jsOptions_Init(&options));
	options.PublishAsync.MaxPending = 16384;
	must(natsConnection_JetStream(&js, nc, &options));
	start = now_ns();
	for (long i = 0; i < count; i++)
		must(js_PublishAsync(js, subject, data, size, NULL));
	must(js_PublishAsyncComplete(js, NULL));
	printf("%.0f\n", (double)count * 1e9 / (double)(now_ns() - start));
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void latency(const char *from, const char *to, long count)
{
	struct shmemq *a = shmemq_open(from, SHMEMQ_PRODUCER | SHMEMQ_STAY, 0, NULL);
	struct shmemq *b = shmemq_open(to, SHMEMQ_CONSUMER | SHMEMQ_STAY, 0, NULL);
	int64_t *times = calloc((size_t)count, sizeof *times);
	char data[64] = { 0 };

	if (a == NULL || b == NULL || times == NULL)
		die(strerror(errno));
	for (long i = 0; i < count; i++) {
		int64_t start = now_ns(), left;

		if (shmemq_push(a, data, sizeof data, 0) != 0 || shmemq_pop(b, data, sizeof data, NULL) < 0)
			die(strerror(errno));
		times[i] = now_ns() - start;
		left = SECOND / 1000 - times[i];
		if (left > 0)
			nanosleep(&(struct timespec){ .tv_nsec = left }, NULL);
	}
	qsort(times, (size_t)count, sizeof *times, compare);
	printf("%.0f\n", (double)times[count / 2] / 1e3);
	shmemq_close(a);
	shmemq_close(b);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "core") == 0)
		core(argv[2], atol(argv[3]), atoi(argv[4]));
	else if (argc == 6 && strcmp(argv[1], "jetstream") == 0)
		jetstream(argv[2], argv[3], atol(argv[4]), atoi(argv[5]));
	else if (argc == 5 && strcmp(argv[1], "latency") == 0)
		latency(argv[2], argv[3], atol(argv[4]));
	else
		die("usage: nats core|jetstream|latency ...");
	return 0;
}
