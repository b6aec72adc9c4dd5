// SPDX-License-Identifier: MIT
/* Producer. */
#include "binding.h"

struct copy {
	const void *data;
	size_t size;
	uint32_t type;
};

static PyObject *done(struct handle *h, long result)
{
	leave(h);
	if (result < 0)
		return fail_call(h, errno);
	Py_RETURN_NONE;
}

static long attempt_push(void *q, void *arg, int64_t timeout)
{
	const struct copy *c = arg;

	return shmemq_timedpush(q, c->data, c->size, c->type, timeout);
}

static PyObject *producer_push(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "data", "type", "timeout", NULL };
	struct handle *h = (struct handle *)self;
	PyObject *values[3], *result = NULL;
	struct copy copy;
	Py_buffer buffer;
	int64_t timeout;

	if (arguments("push", wanted, 1, args, count, names, values) != 0 || get_type(values[1], &copy.type) != 0 ||
	    get_timeout(values[2], &timeout) != 0 || PyObject_GetBuffer(values[0], &buffer, PyBUF_SIMPLE) != 0)
		return NULL;
	copy.data = buffer.buf;
	copy.size = (size_t)buffer.len;
	if (enter(h) == 0)
		result = done(h, repeat(attempt_push, h->q, &copy, timeout, copy.size > LARGE, h->turn));
	PyBuffer_Release(&buffer);
	return result;
}

/* The buffers of a sequence of objects; a tuple, which no other thread changes meanwhile. */
struct buffers {
	PyObject *objects;
	Py_buffer *buffer;
	Py_ssize_t count, filled;
	size_t bytes;
};

static void put_buffers(struct buffers *b)
{
	while (b->filled > 0)
		PyBuffer_Release(&b->buffer[--b->filled]);
	PyMem_Free(b->buffer);
	Py_XDECREF(b->objects);
}

static int get_buffers(struct buffers *b, PyObject *objects)
{
	*b = (struct buffers){ .objects = PySequence_Tuple(objects) };
	if (b->objects == NULL)
		return -1;
	b->count = PyTuple_Size(b->objects);
	b->buffer = PyMem_Calloc((size_t)b->count + 1, sizeof *b->buffer);
	if (b->buffer == NULL) {
		PyErr_NoMemory();
		put_buffers(b);
		return -1;
	}
	for (; b->filled < b->count; b->filled++) {
		if (PyObject_GetBuffer(PyTuple_GetItem(b->objects, b->filled), &b->buffer[b->filled], PyBUF_SIMPLE)) {
			put_buffers(b);
			return -1;
		}
		b->bytes += (size_t)b->buffer[b->filled].len;
	}
	return 0;
}

struct parts {
	struct iovec *iov;
	int count;
	uint32_t type;
};

static long attempt_pushv(void *q, void *arg, int64_t timeout)
{
	const struct parts *p = arg;

	return shmemq_timedpushv(q, p->iov, p->count, p->type, timeout);
}

static PyObject *producer_pushv(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "parts", "type", "timeout", NULL };
	struct handle *h = (struct handle *)self;
	PyObject *values[3], *result = NULL;
	struct iovec iov[AT_ONCE];
	struct parts parts = { .iov = iov };
	struct buffers b;
	int64_t timeout;

	if (arguments("pushv", wanted, 1, args, count, names, values) != 0 || get_type(values[1], &parts.type) != 0 ||
	    get_timeout(values[2], &timeout) != 0 || get_buffers(&b, values[0]) != 0)
		return NULL;
	if (b.count > AT_ONCE) {
		PyErr_Format(PyExc_ValueError, "a message may have at most %d parts", AT_ONCE);
	} else {
		for (parts.count = 0; parts.count < b.count; parts.count++)
			iov[parts.count] =
				(struct iovec){ b.buffer[parts.count].buf, (size_t)b.buffer[parts.count].len };
		if (enter(h) == 0)
			result = done(h, repeat(attempt_pushv, h->q, &parts, timeout, b.bytes > LARGE, h->turn));
	}
	put_buffers(&b);
	return result;
}

struct messages {
	struct shmemq_msg msgs[AT_ONCE];
	unsigned count;
};

static long attempt_pushm(void *q, void *arg, int64_t timeout)
{
	const struct messages *m = arg;

	return shmemq_pushm(q, m->msgs, m->count, timeout);
}

/* Pushes all, as far as the time allows; returns how many, or what the first push failed with. */
static long push_all(struct handle *h, const struct buffers *b, uint32_t type, int64_t timeout)
{
	int64_t deadline = shmemq_deadline(timeout);
	Py_ssize_t pushed = 0;
	struct messages m;
	long result;

	while (pushed < b->count) {
		for (m.count = 0; m.count < AT_ONCE && pushed + m.count < b->count; m.count++) {
			const Py_buffer *buffer = &b->buffer[pushed + m.count];

			m.msgs[m.count] = (struct shmemq_msg){ buffer->buf, (size_t)buffer->len, type, 0 };
		}
		result = repeat(attempt_pushm, h->q, &m, shmemq_left(deadline), b->bytes > LARGE, h->turn);
		if (result < 0 && (pushed == 0 || PyErr_Occurred()))
			return result;
		if (result <= 0)
			break;
		pushed += result;
	}
	return (long)pushed;
}

static PyObject *producer_push_many(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "messages", "type", "timeout", NULL };
	struct handle *h = (struct handle *)self;
	PyObject *values[3];
	struct buffers b;
	int64_t timeout;
	uint32_t type;
	long pushed = -1;
	int entered;

	if (arguments("push_many", wanted, 1, args, count, names, values) != 0 || get_type(values[1], &type) != 0 ||
	    get_timeout(values[2], &timeout) != 0 || get_buffers(&b, values[0]) != 0)
		return NULL;
	entered = enter(h) == 0;
	if (entered) {
		pushed = push_all(h, &b, type, timeout);
		leave(h);
		if (pushed < 0)
			fail_call(h, errno);
	}
	put_buffers(&b);
	return pushed < 0 ? NULL : PyLong_FromLong(pushed);
}

static long attempt_start(void *q, void *arg, int64_t timeout)
{
	struct shmemq_msg *msg = arg;

	msg->data = shmemq_timedpush_start(q, msg->size, timeout);
	return msg->data == NULL ? -1 : 0;
}

static PyObject *producer_push_view(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "size", "type", "timeout", NULL };
	struct handle *h = (struct handle *)self;
	struct shmemq_msg msg = { 0 };
	PyObject *values[3], *view;
	int64_t timeout;

	if (arguments("push_view", wanted, 1, args, count, names, values) != 0)
		return NULL;
	msg.size = PyLong_AsSize_t(values[0]);
	if ((msg.size == (size_t)-1 && PyErr_Occurred()) || get_type(values[1], &msg.type) != 0 ||
	    get_timeout(values[2], &timeout) != 0)
		return NULL;
	/* First, so that nothing can fail after the start. */
	view = view_new(h->state, &msg, PUSH);
	if (view == NULL || enter(h) != 0) {
		Py_XDECREF(view);
		return NULL;
	}
	if (repeat(attempt_start, h->q, &msg, timeout, 0, h->turn) == 0) {
		((struct view *)view)->data = msg.data;
		view_hold((struct view *)view, h);
		leave(h);
		return view;
	}
	leave(h);
	fail_call(h, errno);
	Py_DECREF(view);
	return NULL;
}

static long attempt_empty(void *q, void *Py_UNUSED(arg), int64_t timeout)
{
	return shmemq_wait_empty(q, timeout);
}

static PyObject *producer_wait_empty(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "timeout", NULL };
	struct handle *h = (struct handle *)self;
	PyObject *value[1];
	int64_t timeout;

	if (arguments("wait_empty", wanted, 0, args, count, names, value) != 0 ||
	    get_timeout(value[0], &timeout) != 0 || enter(h) != 0)
		return NULL;
	return done(h, repeat(attempt_empty, h->q, NULL, timeout, 0, h->turn));
}

static PyMethodDef producer_methods[] = {
	METHOD("push", producer_push, "Copies a message, anything that has bytes, into the queue."),
	METHOD("pushv", producer_pushv, "Copies one message, which has several parts, into the queue."),
	METHOD("push_many", producer_push_many,
	       "Copies many messages into the queue. Returns how many: fewer than given if the time was up, or a\n"
	       "message after the first could not be pushed. If none could, it raises what push() raises."),
	METHOD("push_view", producer_push_view,
	       "Begins a message of `size` bytes in the memory of the queue: a View, to be written, and then pushed "
	       "by\n"
	       "its commit(), or the end of its `with` block. An exception there discards the message."),
	METHOD("wait_empty", producer_wait_empty, "Waits until all messages have been popped."),
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot producer_slots[] = {
	{ Py_tp_doc, "The producer end of a queue." },
	{ Py_tp_new, (void *)handle_new },
	{ Py_tp_methods, producer_methods },
	{ 0, NULL },
};

PyType_Spec producer_spec = {
	.name = "shmemq._shmemq.Producer",
	.basicsize = sizeof(struct handle),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = producer_slots,
};
