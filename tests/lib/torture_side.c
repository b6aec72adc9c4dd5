/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "torture_side.h"
#include "traffic.h"

int side_failed(struct side *side, const char *call, int err)
{
	char text[96];

	snprintf(text, sizeof text, "at hand: %s failed: %s", call, strerror(err));
	audit_violation(side->audit, side->label, side->next, text);
	return EPROTO;
}

static bool misaligned(const struct side *side, const void *at)
{
	return (uintptr_t)at % side->audit->alignment != 0;
}

static void *start(struct side *side, size_t size, int64_t timeout)
{
	void *at = timeout < 0 ? shmemq_push_start(side->q, size) : shmemq_timedpush_start(side->q, size, timeout);

	if (at != NULL && misaligned(side, at)) {
		errno = side_failed(side, "push_start, which is misaligned,", EFAULT);
		return NULL;
	}
	return at;
}

static int push_in_place(struct side *side, const struct audit_message *message, enum side_push_way way,
			 int64_t timeout)
{
	size_t more = way == SIDE_PUSH_SHORTER ? (side->audit->message_max - message->size) / 3 : 0;
	unsigned char *at = start(side, message->size + more, timeout);

	if (at == NULL)
		return errno;
	/* What a kill from here on leaves in the ring must never be delivered. */
	memset(at, 0xaa, message->size + more);
	if (way == SIDE_PUSH_ANEW) {
		if (shmemq_push_cancel(side->q) != 0)
			return side_failed(side, "push_cancel", errno);
		at = start(side, message->size, 0);
		if (at == NULL)
			return side_failed(side, "push_start after a cancel", errno);
	}
	traffic_fill(at, message->size, message->content);
	return shmemq_push_end(side->q, message->size, message->type) != 0 ? side_failed(side, "push_end", errno) : 0;
}

static int push_copy(struct side *side, const struct audit_message *message, bool in_parts, int64_t timeout)
{
	size_t size = message->size, first = size / 3;
	struct iovec iov[3] = { { side->buffer, first }, { NULL, 0 }, { side->buffer + first, size - first } };
	int ret;

	traffic_fill(side->buffer, size, message->content);
	if (in_parts)
		ret = timeout < 0 ? shmemq_pushv(side->q, iov, 3, message->type)
				  : shmemq_timedpushv(side->q, iov, 3, message->type, timeout);
	else
		ret = timeout < 0 ? shmemq_push(side->q, side->buffer, size, message->type)
				  : shmemq_timedpush(side->q, side->buffer, size, message->type, timeout);
	return ret != 0 ? errno : 0;
}

/* As many as fit into the buffer. */
static int push_many(struct side *side, int64_t timeout, unsigned *pushed)
{
	unsigned most = 2 + side->batches++ % (SIDE_BATCH - 1), count;
	struct shmemq_msg msgs[SIDE_BATCH];
	size_t used = 0;
	int result;

	for (count = 0; count < most; count++) {
		struct audit_message message = audit_message(side->audit, side->next + count);

		if (message.size > side->audit->message_max - used)
			break;
		msgs[count] = (struct shmemq_msg){ side->buffer + used, message.size, message.type, 0 };
		traffic_fill(msgs[count].data, message.size, message.content);
		used += message.size;
	}
	side->audit->epochs[AUDIT_EPOCH(side->next)].pushing = AUDIT_N(side->next) + count - 1;
	result = shmemq_pushm(side->q, msgs, count, timeout);
	if (result < 0)
		return errno;
	if (result == 0 || (unsigned)result > count)
		return side_failed(side, "pushm", 0);
	*pushed = (unsigned)result;
	return 0;
}

int side_push(struct side *side, enum side_push_way way, int64_t timeout)
{
	struct audit_message message = audit_message(side->audit, side->next);
	struct audit_epoch *epoch = &side->audit->epochs[AUDIT_EPOCH(side->next)];
	unsigned pushed = 1;
	int err;

	epoch->pushing = AUDIT_N(side->next);
	if (way == SIDE_PUSH_MANY)
		err = push_many(side, timeout, &pushed);
	else if (way == SIDE_PUSH || way == SIDE_PUSHV)
		err = push_copy(side, &message, way == SIDE_PUSHV, timeout);
	else
		err = push_in_place(side, &message, way, timeout);
	if (err != 0)
		return err;
	side->next += pushed;
	epoch->pushed = AUDIT_N(side->next) - 1;
	return 0;
}

/* Judges what arrived after the message `after`. 0, with its name, or EPROTO. */
static int judge(struct side *side, audit_name after, const struct shmemq_msg *msg, audit_name *name)
{
	bool redelivered = msg->flags & SHMEMQ_MSG_REDELIVERED;
	const char *wrong;

	wrong = audit_judge(side->audit, after, msg->data, msg->size, msg->type, redelivered, name);
	if (wrong == NULL && msg->data != side->buffer && misaligned(side, msg->data))
		wrong = "it is misaligned";
	if (wrong != NULL) {
		audit_violation(side->audit, side->label, *name, wrong);
		return EPROTO;
	}
	side->audit->redelivered += redelivered;
	return 0;
}

/* The same for a single pop. */
static int judge_one(struct side *side, void *at, size_t size, uint32_t type, audit_name *name)
{
	int redelivered = shmemq_redelivered(side->q);
	struct shmemq_msg msg = { at, size, type, redelivered == 1 ? SHMEMQ_MSG_REDELIVERED : 0 };

	if (redelivered != 0 && redelivered != 1)
		return side_failed(side, "redelivered", errno);
	return judge(side, audit_ended(side->audit), &msg, name);
}

int side_pop_start(struct side *side, int64_t timeout, audit_name *held)
{
	const void *at;
	uint32_t type;
	size_t size;
	int err;

	audit_intend(side->audit, AUDIT_OFFERING, 1);
	if (timeout < 0)
		at = shmemq_pop_start(side->q, &size, &type);
	else
		at = shmemq_timedpop_start(side->q, &size, &type, timeout);
	if (at == NULL) {
		err = errno;
		audit_intend(side->audit, AUDIT_NOTHING, 0);
		return err;
	}
	err = judge_one(side, (void *)(uintptr_t)at, size, type, held);
	if (err == 0)
		audit_note_started(side->audit, *held, *held);
	return err;
}

int side_pop_end(struct side *side, audit_name held)
{
	audit_intend(side->audit, AUDIT_RELEASING, 1);
	if (shmemq_pop_end(side->q) != 0)
		return side_failed(side, "pop_end", errno);
	audit_note_ended(side->audit, held, 1);
	return 0;
}

int side_popm_start(struct side *side, int64_t timeout, unsigned *held)
{
	unsigned most = 2 + side->batches++ % (SIDE_BATCH - 1);
	audit_name after = audit_ended(side->audit);
	struct shmemq_msg msgs[SIDE_BATCH];
	int count, err;

	audit_intend(side->audit, AUDIT_OFFERING, most);
	count = shmemq_popm_start(side->q, msgs, most, timeout);
	if (count < 0) {
		err = errno;
		audit_intend(side->audit, AUDIT_NOTHING, 0);
		return err;
	}
	if (count == 0 || (unsigned)count > most)
		return side_failed(side, "popm_start", 0);
	for (int i = 0; i < count; i++) {
		if (judge(side, after, &msgs[i], &side->batch[i]) != 0)
			return EPROTO;
		after = side->batch[i];
	}
	audit_note_started(side->audit, side->batch[0], after);
	*held = (unsigned)count;
	return 0;
}

int side_popm_end(struct side *side, unsigned held)
{
	unsigned count = side->batches % 3 != 0 ? held : side->batches / 3 % (held + 1);

	audit_intend(side->audit, AUDIT_RELEASING, count);
	if (shmemq_popm_end(side->q, count) != 0)
		return side_failed(side, "popm_end", errno);
	if (count != 0)
		audit_note_ended(side->audit, side->batch[count - 1], count);
	else
		audit_intend(side->audit, AUDIT_NOTHING, 0);
	return 0;
}

static int pop_copy(struct side *side, size_t size_max, int64_t timeout)
{
	audit_name name;
	uint32_t type;
	ssize_t size;
	int err;

	audit_intend(side->audit, AUDIT_RELEASING, 1);
	if (timeout < 0)
		size = shmemq_pop(side->q, side->buffer, size_max, &type);
	else
		size = shmemq_timedpop(side->q, side->buffer, size_max, &type, timeout);
	if (size < 0) {
		err = errno;
		audit_intend(side->audit, AUDIT_NOTHING, 0);
		return err;
	}
	err = judge_one(side, side->buffer, (size_t)size, type, &name);
	if (err == 0)
		audit_note_ended(side->audit, name, 1);
	return err;
}

int side_pop(struct side *side, enum side_pop_way way, int64_t timeout)
{
	unsigned many;
	audit_name held;
	int err;

	if (way == SIDE_POP_MANY) {
		err = side_popm_start(side, timeout, &many);
		return err != 0 ? err : side_popm_end(side, many);
	}
	if (way == SIDE_POP_IN_PLACE) {
		err = side_pop_start(side, timeout, &held);
		return err != 0 ? err : side_pop_end(side, held);
	}
	if (way == SIDE_POP_AFTER_EMSGSIZE) {
		err = pop_copy(side, 0, timeout);
		if (err != EMSGSIZE)
			return err; /* an empty message fits */
	}
	return pop_copy(side, side->audit->message_max, timeout);
}
