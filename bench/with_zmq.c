/* SPDX-License-Identifier: MIT */
/*
 * ZeroMQ over ipc: PUSH to PULL, or to many readers XPUB to SUB, made to wait for the slowest instead of dropping. Its
 * I/O threads run on the processor of the side that they serve, and a spinning side would take it from them: so ZeroMQ
 * does not take part in ROUND_TRIP.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "contender.h"

static bool create(struct channel *channel)
{
	(void)channel;
	return true;
}

/* A message that is sent before a reader has subscribed does not reach it. */
static void await_readers(struct channel *channel)
{
	char subscription[8];

	for (unsigned i = 0; i < channel->readers; i++) {
		if (zmq_recv(channel->handle, subscription, sizeof subscription, 0) < 0)
			die("zmq_recv");
	}
}

static void open_end(struct channel *channel, enum side side)
{
	char endpoint[96];
	int yes = 1, reconnect_ms = 1, status; /* one side may connect before the other one binds */
	bool many = channel->readers != 0, binds = many == (side == PRODUCER);
	int type = side == PRODUCER ? (many ? ZMQ_XPUB : ZMQ_PUSH) : (many ? ZMQ_SUB : ZMQ_PULL);

	/* An abstract address leaves no file. */
	snprintf(endpoint, sizeof endpoint, "ipc://@%s", channel->name);
	channel->context = zmq_ctx_new();
	channel->handle = zmq_socket(channel->context, type);
	channel->buffer = malloc(sizeof(zmq_msg_t));
	if (channel->handle == NULL || channel->buffer == NULL)
		die("zmq_socket");
	zmq_msg_init((void *)channel->buffer);
	zmq_setsockopt(channel->handle, ZMQ_RECONNECT_IVL, &reconnect_ms, sizeof reconnect_ms);
	if (many && side == CONSUMER)
		zmq_setsockopt(channel->handle, ZMQ_SUBSCRIBE, "", 0);
	if (many && side == PRODUCER) { /* to be told of each reader; and to wait for the slowest */
		zmq_setsockopt(channel->handle, ZMQ_XPUB_VERBOSE, &yes, sizeof yes);
		zmq_setsockopt(channel->handle, ZMQ_XPUB_NODROP, &yes, sizeof yes);
	}
	status = binds ? zmq_bind(channel->handle, endpoint) : zmq_connect(channel->handle, endpoint);
	if (status != 0)
		die("zmq_connect or zmq_bind");
	if (many && side == PRODUCER)
		await_readers(channel);
}

static void close_end(struct channel *channel, enum side side)
{
	(void)side;
	zmq_close(channel->handle);
	zmq_ctx_term(channel->context);
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	if (zmq_send(channel->handle, message, size, 0) < 0)
		die("zmq_send");
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	zmq_msg_t *message = (void *)channel->buffer;

	if (zmq_msg_recv(message, channel->handle, 0) < 0)
		die("zmq_msg_recv");
	*size = zmq_msg_size(message);
	return zmq_msg_data(message);
}

#define NOTHING_TO_RELEASE /* the next zmq_msg_recv() releases the message */
#include "loops.h"

const struct contender with_zmq = {
	.name = "zeromq",
	.can = CAN(THROUGHPUT) | CAN(WAKE) | CAN(ONE_CPU) | CAN(CALLS) | CAN(PRODUCERS) | CAN(READERS),
	.create = create,
	.open = open_end,
	.close = close_end,
	LOOPS,
};
