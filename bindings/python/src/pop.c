// SPDX-License-Identifier: MIT
/* Consumer. */
#include "binding.h"

#include <string.h>

struct wanted {
	struct shmemq_msg *msgs;
	unsigned max;
};

static long attempt_pop(void *q, void *arg, int64_t timeout)
{
	const struct wanted *w = arg;

	return shmemq_popm_start(q, w->msgs, w->max, timeout);
}

/* Holds up to `max` messages; returns how many, or -1 after an exception and leave(). */
static int hold(struct handle *h, struct shmemq_msg *msgs, unsigned max, int64_t timeout)
{
	struct wanted w = { msgs, max };
	long got;

	if (enter(h) != 0)
		return -1;
	got = repeat(attempt_pop, h->q, &w, timeout, 0, h->turn);
	if (got > 0)
		return (int)got;
	leave(h);
	fail_call(h, errno);
	return -1;
}

static void copy(char *to, const struct shmemq_msg *msg)
{
	PyThreadState *thread = msg->size > LARGE ? PyEval_SaveThread() : NULL;

	memcpy(to, msg->data, msg->size);
	if (thread != NULL)
		PyEval_RestoreThread(thread);
}

static PyObject *bytes_of(const struct shmemq_msg *msg)
{
	PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)msg->size);

	if (bytes != NULL)
		copy(PyBytes_AsString(bytes), msg);
	return bytes;
}

/* Releases the held messages after `result` has been made of them, or returns them to the queue if it is NULL. */
static PyObject *done(struct handle *h, const struct shmemq_msg *last, int count, PyObject *result)
{
	int error = shmemq_popm_end(h->q, result == NULL ? 0 : (unsigned)count) != 0 ? errno : 0;

	h->type = last->type;
	h->redelivered = (last->flags & SHMEMQ_MSG_REDELIVERED) != 0;
	leave(h);
	if (result == NULL || error == 0)
		return result;
	Py_DECREF(result);
	return fail_call(h, error);
}

static PyObject *pop(struct handle *h, int64_t timeout)
{
	struct shmemq_msg msg;

	return hold(h, &msg, 1, timeout) < 0 ? NULL : done(h, &msg, 1, bytes_of(&msg));
}

static int parse(const char *function, ARGUMENTS, int64_t *timeout)
{
	static const char *const wanted[] = { "timeout", NULL };
	PyObject *value[1];

	return arguments(function, wanted, 0, args, count, names, value) != 0 ? -1 : get_timeout(value[0], timeout);
}

static PyObject *consumer_pop(PyObject *self, ARGUMENTS)
{
	int64_t timeout;

	return parse("pop", args, count, names, &timeout) != 0 ? NULL : pop((struct handle *)self, timeout);
}

static PyObject *consumer_pop_message(PyObject *self, ARGUMENTS)
{
	struct handle *h = (struct handle *)self;
	struct shmemq_msg msg;
	int64_t timeout;

	if (parse("pop_message", args, count, names, &timeout) != 0 || hold(h, &msg, 1, timeout) < 0)
		return NULL;
	return done(h, &msg, 1,
		    message_new(h->state, bytes_of(&msg), msg.type, (msg.flags & SHMEMQ_MSG_REDELIVERED) != 0));
}

static PyObject *consumer_pop_into(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "buffer", "timeout", NULL };
	struct handle *h = (struct handle *)self;
	PyObject *values[2], *result = NULL;
	struct shmemq_msg msg;
	Py_buffer buffer;
	int64_t timeout;

	if (arguments("pop_into", wanted, 1, args, count, names, values) != 0 ||
	    get_timeout(values[1], &timeout) != 0 || PyObject_GetBuffer(values[0], &buffer, PyBUF_WRITABLE) != 0)
		return NULL;
	if (hold(h, &msg, 1, timeout) == 1) {
		if (msg.size > (size_t)buffer.len) {
			fail_call(h, EMSGSIZE);
		} else {
			copy(buffer.buf, &msg);
			result = PyLong_FromSize_t(msg.size);
		}
		result = done(h, &msg, 1, result);
	}
	PyBuffer_Release(&buffer);
	return result;
}

static int parse_max(const char *function, ARGUMENTS, unsigned *max, int64_t *timeout)
{
	static const char *const wanted[] = { "max", "timeout", NULL };
	PyObject *values[2];

	*max = AT_ONCE;
	if (arguments(function, wanted, 0, args, count, names, values) != 0 ||
	    (values[0] != NULL && get_count(values[0], max) != 0) || get_timeout(values[1], timeout) != 0)
		return -1;
	if (*max > AT_ONCE)
		*max = AT_ONCE;
	if (*max > 0)
		return 0;
	PyErr_SetString(PyExc_ValueError, "max must be at least 1");
	return -1;
}

static PyObject *list_of(const struct shmemq_msg *msgs, int count)
{
	PyObject *list = PyList_New(count), *bytes;

	for (int i = 0; i < count && list != NULL; i++) {
		bytes = bytes_of(&msgs[i]);
		if (bytes == NULL)
			Py_CLEAR(list);
		else
			PyList_SetItem(list, i, bytes);
	}
	return list;
}

static PyObject *consumer_pop_many(PyObject *self, ARGUMENTS)
{
	struct handle *h = (struct handle *)self;
	struct shmemq_msg msgs[AT_ONCE];
	int64_t timeout;
	unsigned max;
	int got;

	if (parse_max("pop_many", args, count, names, &max, &timeout) != 0)
		return NULL;
	got = hold(h, msgs, max, timeout);
	return got < 0 ? NULL : done(h, &msgs[got - 1], got, list_of(msgs, got));
}

static PyObject *consumer_pop_batch(PyObject *self, ARGUMENTS)
{
	struct handle *h = (struct handle *)self;
	struct shmemq_msg msgs[AT_ONCE];
	PyObject *batch;
	int64_t timeout;
	unsigned max;
	int got;

	if (parse_max("pop_batch", args, count, names, &max, &timeout) != 0)
		return NULL;
	got = hold(h, msgs, max, timeout);
	if (got < 0)
		return NULL;
	batch = batch_start(h, msgs, got);
	leave(h);
	return batch;
}

static PyObject *consumer_pop_view(PyObject *self, ARGUMENTS)
{
	struct handle *h = (struct handle *)self;
	struct shmemq_msg msg;
	PyObject *view;
	int64_t timeout;

	if (parse("pop_view", args, count, names, &timeout) != 0 || hold(h, &msg, 1, timeout) < 0)
		return NULL;
	view = view_new(h->state, &msg, POP);
	if (view == NULL)
		return done(h, &msg, 1, NULL);
	view_hold((struct view *)view, h);
	leave(h);
	return view;
}

static PyObject *consumer_next(PyObject *self)
{
	return end_of_messages((struct handle *)self, pop((struct handle *)self, -1));
}

static PyObject *get_tag(PyObject *self, void *Py_UNUSED(closure))
{
	return PyLong_FromUnsignedLong(((struct handle *)self)->type);
}

static PyObject *get_redelivered(PyObject *self, void *Py_UNUSED(closure))
{
	return PyBool_FromLong(((struct handle *)self)->redelivered);
}

static PyGetSetDef consumer_getset[] = {
	{ "type", get_tag, NULL, "The tag of the message that was copied last.", NULL },
	{ "redelivered", get_redelivered, NULL, "Whether an earlier consumer held that message and left.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyMethodDef consumer_methods[] = {
	METHOD("pop", consumer_pop, "Returns the next message as bytes, and removes it from the queue."),
	METHOD("pop_message", consumer_pop_message, "The same, as a Message: with its tag."),
	METHOD("pop_into", consumer_pop_into, "Copies the next message into a buffer, and returns its size."),
	METHOD("pop_many", consumer_pop_many,
	       "Waits for one message; returns a list of up to `max` (256) that are there."),
	METHOD("pop_view", consumer_pop_view,
	       "Holds the next message in the memory of the queue: a View, to be read. Its release(), or the end of "
	       "its\n"
	       "`with` block, removes the message; after an exception there it returns to the queue."),
	METHOD("pop_batch", consumer_pop_batch,
	       "Likewise up to `max` (256) messages that are there: a Batch of views."),
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot consumer_slots[] = {
	{ Py_tp_doc, "The consumer end of a queue. An iterator of messages, which ends when the producer has closed." },
	{ Py_tp_new, (void *)handle_new },
	{ Py_tp_iter, PyObject_SelfIter },
	{ Py_tp_iternext, consumer_next },
	{ Py_tp_methods, consumer_methods },
	{ Py_tp_getset, consumer_getset },
	{ 0, NULL },
};

PyType_Spec consumer_spec = {
	.name = "shmemq._shmemq.Consumer",
	.basicsize = sizeof(struct handle),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = consumer_slots,
};
