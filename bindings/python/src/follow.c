// SPDX-License-Identifier: MIT
/* Follower, and Observer, which has no method of its own. */
#include "binding.h"

#define FIRST_BUFFER 4096

static long attempt_pop(void *object, void *Py_UNUSED(arg), int64_t timeout)
{
	struct handle *h = object;

	return shmemq_timedpop(h->q, h->buffer, h->buffer_size, &h->type, timeout);
}

static int grow(struct handle *h)
{
	size_t size = h->buffer_size == 0 ? FIRST_BUFFER : 2 * h->buffer_size;
	char *buffer = PyMem_Realloc(h->buffer, size);

	if (buffer == NULL) {
		PyErr_NoMemory();
		return -1;
	}
	h->buffer = buffer;
	h->buffer_size = size;
	return 0;
}

/* Has the turn. Returns the size of the message in the buffer, or -1. */
static long fill(struct handle *h, int64_t timeout)
{
	int64_t deadline = shmemq_deadline(timeout);
	long size;

	if (h->buffer == NULL && grow(h) != 0)
		return -1;
	do {
		size = repeat(attempt_pop, h, NULL, timeout == 0 ? 0 : shmemq_left(deadline), 0, h->turn);
	} while (size < 0 && !PyErr_Occurred() && errno == EMSGSIZE && grow(h) == 0);
	return size;
}

static PyObject *pop(struct handle *h, int64_t timeout)
{
	PyObject *bytes = NULL;
	long size;

	if (enter(h) != 0)
		return NULL;
	size = fill(h, timeout);
	if (size >= 0)
		bytes = PyBytes_FromStringAndSize(h->buffer, size);
	leave(h);
	return size < 0 ? fail_call(h, errno) : bytes;
}

static int parse(const char *function, ARGUMENTS, int64_t *timeout)
{
	static const char *const wanted[] = { "timeout", NULL };
	PyObject *value[1];

	return arguments(function, wanted, 0, args, count, names, value) != 0 ? -1 : get_timeout(value[0], timeout);
}

static PyObject *follower_pop(PyObject *self, ARGUMENTS)
{
	int64_t timeout;

	return parse("pop", args, count, names, &timeout) != 0 ? NULL : pop((struct handle *)self, timeout);
}

static PyObject *follower_pop_message(PyObject *self, ARGUMENTS)
{
	struct handle *h = (struct handle *)self;
	PyObject *bytes;
	int64_t timeout;

	if (parse("pop_message", args, count, names, &timeout) != 0)
		return NULL;
	bytes = pop(h, timeout);
	return message_new(h->state, bytes, h->type, 0);
}

static PyObject *follower_next(PyObject *self)
{
	return end_of_messages((struct handle *)self, pop((struct handle *)self, -1));
}

static PyObject *follower_seek(PyObject *self, PyObject *where)
{
	struct handle *h = (struct handle *)self;
	uint32_t whence;
	uint64_t lost;
	int result;

	if (!get_u32(where, &whence) || enter(h) != 0)
		return NULL;
	result = shmemq_seek(h->q, (int)whence, &lost);
	leave(h);
	return result != 0 ? fail_call(h, errno) : PyLong_FromUnsignedLongLong(lost);
}

static PyObject *get_tag(PyObject *self, void *Py_UNUSED(closure))
{
	return PyLong_FromUnsignedLong(((struct handle *)self)->type);
}

static PyGetSetDef follower_getset[] = {
	{ "type", get_tag, NULL, "The tag of the message that was popped last.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyMethodDef follower_methods[] = {
	METHOD("pop", follower_pop,
	       "Returns a copy of the next message. Overtaken: messages have been lost, see seek()."),
	METHOD("pop_message", follower_pop_message, "The same, as a Message: with its tag."),
	{ "seek", follower_seek, METH_O, "Moves to NEWEST, QUEUED or OLDEST; returns how many messages were lost." },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot follower_slots[] = {
	{ Py_tp_doc, "Reads copies of what is pushed, and holds nobody up. An iterator, as a consumer is." },
	{ Py_tp_new, (void *)handle_new },
	{ Py_tp_iter, PyObject_SelfIter },
	{ Py_tp_iternext, follower_next },
	{ Py_tp_methods, follower_methods },
	{ Py_tp_getset, follower_getset },
	{ 0, NULL },
};

PyType_Spec follower_spec = {
	.name = "shmemq._shmemq.Follower",
	.basicsize = sizeof(struct handle),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = follower_slots,
};

static PyType_Slot observer_slots[] = {
	{ Py_tp_doc, "Sees the state of a queue, and claims no end." },
	{ Py_tp_new, (void *)handle_new },
	{ 0, NULL },
};

PyType_Spec observer_spec = {
	.name = "shmemq._shmemq.Observer",
	.basicsize = sizeof(struct handle),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = observer_slots,
};
