/* SPDX-License-Identifier: MIT */
/*
 * ZeroMQ, PUSH to PULL over ipc. Its I/O threads run on the processor of the side that they serve, and a spinning side
 * would take it from them: so ZeroMQ does not take part in ROUND_TRIP.
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

static void open_end(struct channel *channel, enum side side)
{
	char endpoint[96];
	int reconnect_ms = 1, status; /* the producer may connect before the consumer binds */

	/* An abstract address leaves no file. */
	snprintf(endpoint, sizeof endpoint, "ipc://@%s", channel->name);
	channel->context = zmq_ctx_new();
	channel->handle = zmq_socket(channel->context, side == PRODUCER ? ZMQ_PUSH : ZMQ_PULL);
	channel->buffer = malloc(sizeof(zmq_msg_t));
	if (channel->handle == NULL || channel->buffer == NULL)
		die("zmq_socket");
	zmq_msg_init((void *)channel->buffer);
	zmq_setsockopt(channel->handle, ZMQ_RECONNECT_IVL, &reconnect_ms, sizeof reconnect_ms);
	status = side == PRODUCER ? zmq_connect(channel->handle, endpoint) : zmq_bind(channel->handle, endpoint);
	if (status != 0)
		die("zmq_connect or zmq_bind");
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
	.can = CAN(THROUGHPUT) | CAN(WAKE) | CAN(ONE_CPU) | CAN(CALLS) | CAN(PRODUCERS),
	.create = create,
	.open = open_end,
	.close = close_end,
	LOOPS,
};
