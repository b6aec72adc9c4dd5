/* SPDX-License-Identifier: MIT */
/* Frames as libnats' messages. */
#ifndef RELAY_MESSAGE_H
#define RELAY_MESSAGE_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

#include "frame.h"

/* Bytes that headers and protocol need of the server's max_payload, and more. */
#define MESSAGE_OVERHEAD 4096

/*
 * Makes a message of a frame, the payload of which is copied; it is to follow message `after` of the stream. NULL: no
 * memory.
 */
natsMsg *message_make(const char *subject, const struct frame *frame, uint64_t after, bool chained);

/* Parses a message as a frame, which refers to it. False: it is none. */
bool message_parse(natsMsg *message, struct frame *frame);

/* Shmemq-Last of a message of ours; 0: it has none. */
uint64_t message_last(natsMsg *message);

/* How many messages the stream had after this one, when the server delivered it. */
uint64_t message_pending(natsMsg *message);

/* The value of a header line, or NULL. */
const char *message_line(natsMsg *message, const char *name);

#endif
