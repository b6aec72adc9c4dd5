// SPDX-License-Identifier: MIT
/*
 * Batch: messages that a consumer holds together, a sequence of views. A view refers to its batch, and the batch knows
 * its views, so that it can end them.
 */
#include "binding.h"

struct batch {
	PyObject ob_base;
	struct handle *owner; /* NULL: released */
	Py_ssize_t count, room;
	struct part {
		struct shmemq_msg msg;
		struct view *view; /* not counted */
	} * parts;
};

int batch_alive(const struct batch *b)
{
	return b->owner != NULL;
}

static int need_alive(const struct batch *b)
{
	if (b->owner != NULL)
		return 0;
	PyErr_SetString(PyExc_ValueError, "the batch has been released");
	return -1;
}

void batch_forget(struct batch *b, Py_ssize_t index)
{
	b->parts[index].view = NULL;
}

static int add(struct batch *b, const struct shmemq_msg *msgs, Py_ssize_t count)
{
	struct part *parts = b->parts;

	if (b->count + count > b->room) {
		parts = PyMem_Realloc(parts, (size_t)(b->count + count) * sizeof *parts);
		if (parts == NULL) {
			PyErr_NoMemory();
			return -1;
		}
		b->parts = parts;
		b->room = b->count + count;
	}
	for (Py_ssize_t i = 0; i < count; i++)
		parts[b->count++] = (struct part){ .msg = msgs[i] };
	return 0;
}

/* The handle holds `count` messages: they are in the new batch, or on failure back in the queue. */
PyObject *batch_start(struct handle *h, const struct shmemq_msg *msgs, int count)
{
	PyTypeObject *type = h->state->batch;
	allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct batch *b = (struct batch *)alloc(type, 0);

	if (b == NULL || add(b, msgs, count) != 0) {
		Py_XDECREF((PyObject *)b);
		shmemq_popm_end(h->q, 0);
		return NULL;
	}
	b->owner = (struct handle *)Py_NewRef((PyObject *)h);
	h->held = (PyObject *)b;
	h->holds = BATCH;
	return (PyObject *)b;
}

int batch_lent(PyObject *self)
{
	struct batch *b = (struct batch *)self;

	for (Py_ssize_t i = 0; i < b->count; i++) {
		if (b->parts[i].view != NULL && b->parts[i].view->lent > 0)
			return 1;
	}
	return 0;
}

/* Recalls all memory; `release`: lets go of the handle, too. */
int batch_recall(PyObject *self, int release)
{
	struct batch *b = (struct batch *)self;
	struct handle *h = b->owner;

	for (Py_ssize_t i = 0; i < b->count; i++) {
		if (b->parts[i].view != NULL && view_recall(b->parts[i].view) != 0)
			return -1;
	}
	if (release) {
		h->held = NULL;
		b->owner = NULL;
		Py_DECREF((PyObject *)h);
	}
	return 0;
}

static PyObject *end(struct batch *b, unsigned count)
{
	struct handle *h = b->owner;
	int result;

	if (enter(h) != 0)
		return NULL;
	Py_INCREF((PyObject *)h);
	result = batch_recall((PyObject *)b, 0);
	if (result == 0) {
		result = shmemq_popm_end(h->q, count);
		if (result == 0 || errno != EINVAL)
			held_recall(h);
	}
	leave(h);
	if (result != 0)
		fail_call(h, errno);
	Py_DECREF((PyObject *)h);
	return result != 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *batch_release(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "count", NULL };
	struct batch *b = (struct batch *)self;
	unsigned released = (unsigned)b->count;
	PyObject *value[1];

	if (arguments("release", wanted, 0, args, count, names, value) != 0)
		return NULL;
	if (value[0] != NULL && value[0] != Py_None && get_count(value[0], &released) != 0)
		return NULL;
	if (b->owner == NULL)
		Py_RETURN_NONE;
	if (released > (size_t)b->count) {
		PyErr_Format(PyExc_ValueError, "count must be from 0 to %zd", b->count);
		return NULL;
	}
	return end(b, released);
}

struct wanted {
	struct shmemq_msg *msgs;
	unsigned max;
};

static long attempt_more(void *q, void *arg, int64_t timeout)
{
	struct wanted *wanted = arg;

	return shmemq_popm_more(q, wanted->msgs, wanted->max, timeout);
}

static PyObject *batch_more(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "max", "timeout", NULL };
	struct batch *b = (struct batch *)self;
	struct shmemq_msg msgs[AT_ONCE];
	struct wanted w = { msgs, AT_ONCE };
	struct handle *h = b->owner;
	PyObject *values[2];
	int64_t timeout;
	long result;

	if (need_alive(b) != 0 || arguments("more", wanted, 0, args, count, names, values) != 0 ||
	    (values[0] != NULL && get_count(values[0], &w.max) != 0) || get_timeout(values[1], &timeout) != 0 ||
	    enter(h) != 0)
		return NULL;
	if (w.max > AT_ONCE)
		w.max = AT_ONCE;
	result = repeat(attempt_more, h->q, &w, timeout, 0, h->turn);
	/* What could not be noted is held all the same, and released or not with the others. */
	if (result > 0 && add(b, msgs, result) != 0)
		result = -1;
	leave(h);
	return result < 0 ? fail_call(h, errno) : PyLong_FromLong(result);
}

static PyObject *batch_item(PyObject *self, Py_ssize_t index)
{
	struct batch *b = (struct batch *)self;
	struct shmemq_msg msg;
	struct view *v;

	if (need_alive(b) != 0)
		return NULL;
	if (index < 0 || index >= b->count) {
		PyErr_SetString(PyExc_IndexError, "the batch has no such message");
		return NULL;
	}
	if (b->parts[index].view == NULL) {
		/* The allocation may collect garbage, and so run any code: nothing is kept across it. */
		msg = b->parts[index].msg;
		v = (struct view *)view_new(b->owner->state, &msg, PART);
		if (v == NULL)
			return NULL;
		if (b->parts[index].view == NULL) {
			v->index = index;
			v->batch = (struct batch *)Py_NewRef(self);
			b->parts[index].view = v;
			return (PyObject *)v;
		}
		Py_DECREF((PyObject *)v);
	}
	return Py_NewRef((PyObject *)b->parts[index].view);
}

static Py_ssize_t batch_length(PyObject *self)
{
	return ((struct batch *)self)->count;
}

static PyObject *batch_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
	return need_alive((struct batch *)self) != 0 ? NULL : Py_NewRef(self);
}

/* After an exception all messages return to the queue: which of them have been handled is not known. */
static PyObject *batch_exit(PyObject *self, PyObject *args)
{
	struct batch *b = (struct batch *)self;
	PyObject *class = PyTuple_GetItem(args, 0), *result;

	if (class == NULL)
		return NULL;
	if (b->owner == NULL)
		Py_RETURN_FALSE;
	result = end(b, class == Py_None ? (unsigned)b->count : 0);
	if (result == NULL && (class == Py_None || !PyErr_ExceptionMatches(PyExc_BufferError)))
		return NULL;
	PyErr_Clear();
	Py_XDECREF(result);
	Py_RETURN_FALSE;
}

static int batch_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT((PyObject *)((struct batch *)self)->owner);
	return 0;
}

static void batch_dealloc(PyObject *self)
{
	struct batch *b = (struct batch *)self;
	struct handle *h = b->owner;

	PyObject_GC_UnTrack(self);
	if (h != NULL) {
		h->held = NULL;
		if (h->turn->thread == 0)
			held_end(h, BATCH);
		else
			h->owed = BATCH;
		Py_DECREF((PyObject *)h);
	}
	PyMem_Free(b->parts);
	dealloc_object(self);
}

static PyMethodDef batch_methods[] = {
	METHOD("release", batch_release,
	       "Removes the first `count` messages, by default all, from the queue; the others return to it.\n"
	       "BufferError while something refers to the memory of a message."),
	METHOD("more", batch_more,
	       "Waits for a message after those that are held, and adds up to `max`. Returns how many; 0: none can "
	       "be."),
	{ "__enter__", batch_enter, METH_NOARGS, NULL },
	{ "__exit__", batch_exit, METH_VARARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot batch_slots[] = {
	{ Py_tp_doc, "Messages in the memory of the queue, held together: a sequence of views." },
	{ Py_tp_traverse, batch_traverse },
	{ Py_tp_dealloc, batch_dealloc },
	{ Py_tp_methods, batch_methods },
	{ Py_sq_length, batch_length },
	{ Py_sq_item, batch_item },
	{ 0, NULL },
};

PyType_Spec batch_spec = {
	.name = "shmemq._shmemq.Batch",
	.basicsize = sizeof(struct batch),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = batch_slots,
};
