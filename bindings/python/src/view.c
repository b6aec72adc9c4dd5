// SPDX-License-Identifier: MIT
/*
 * View: the memory of one message in the ring, lent by the buffer protocol. It ends with release (of a message that is
 * read), commit (of one that is written) or cancel, or with its batch. A view that is dropped is cancelled.
 */
#include "binding.h"

static int alive(const struct view *v)
{
	return v->kind == PART ? batch_alive(v->batch) : v->owner != NULL;
}

static int need_alive(const struct view *v)
{
	if (!alive(v))
		PyErr_SetString(PyExc_ValueError, "the message has been released");
	return alive(v) ? 0 : -1;
}

PyObject *view_new(struct state *state, const struct shmemq_msg *msg, enum kind kind)
{
	allocfunc alloc = (allocfunc)PyType_GetSlot(state->view, Py_tp_alloc);
	struct view *v = (struct view *)alloc(state->view, 0);

	if (v == NULL)
		return NULL;
	v->kind = kind;
	v->data = msg->data;
	v->size = (Py_ssize_t)msg->size;
	v->type = msg->type;
	v->redelivered = (msg->flags & SHMEMQ_MSG_REDELIVERED) != 0;
	return (PyObject *)v;
}

void view_hold(struct view *v, struct handle *h)
{
	v->owner = (struct handle *)Py_NewRef((PyObject *)h);
	h->held = (PyObject *)v;
	h->holds = v->kind;
}

int view_recall(struct view *v)
{
	PyObject *result;

	if (v->memory != NULL) {
		result = PyObject_CallMethod(v->memory, "release", NULL);
		if (result == NULL)
			return -1;
		Py_DECREF(result);
		Py_CLEAR(v->memory);
	}
	if (v->lent == 0)
		return 0;
	PyErr_SetString(PyExc_BufferError, "something still refers to the memory of the message");
	return -1;
}

int held_lent(const struct handle *h)
{
	if (h->held == NULL)
		return 0;
	return h->holds == BATCH ? batch_lent(h->held) : ((struct view *)h->held)->lent > 0;
}

int held_recall(struct handle *h)
{
	struct view *v = (struct view *)h->held;

	if (h->held == NULL)
		return 0;
	if (h->holds == BATCH)
		return batch_recall(h->held, 1);
	if (view_recall(v) != 0)
		return -1;
	h->held = NULL;
	v->owner = NULL;
	Py_DECREF((PyObject *)h);
	return 0;
}

int held_end(struct handle *h, enum kind kind)
{
	switch (kind) {
	case PUSH:
		return shmemq_push_cancel(h->q);
	case POP:
	case BATCH:
		return shmemq_popm_end(h->q, 0);
	default:
		return 0;
	}
}

static int view_getbuffer(PyObject *self, Py_buffer *buffer, int flags)
{
	struct view *v = (struct view *)self;

	buffer->obj = NULL;
	if (!alive(v)) {
		PyErr_SetString(PyExc_BufferError, "the message has been released");
		return -1;
	}
	if (PyBuffer_FillInfo(buffer, self, v->data, v->size, v->kind != PUSH, flags) != 0)
		return -1;
	v->lent++;
	return 0;
}

static void view_releasebuffer(PyObject *self, Py_buffer *Py_UNUSED(buffer))
{
	((struct view *)self)->lent--;
}

/* Pushes the first `size` bytes, or releases the message; a negative size undoes what began the view. */
static PyObject *end(struct view *v, Py_ssize_t size)
{
	struct handle *h = v->owner;
	int result;

	if (enter(h) != 0)
		return NULL;
	Py_INCREF((PyObject *)h);
	result = view_recall(v);
	if (result == 0) {
		if (size < 0)
			result = held_end(h, v->kind);
		else if (v->kind == PUSH)
			result = shmemq_push_end(h->q, (size_t)size, v->type);
		else
			result = shmemq_popm_end(h->q, 1);
		/* After a size that is too large the message is as before. */
		if (result == 0 || errno != EINVAL)
			held_recall(h);
	}
	leave(h);
	if (result != 0)
		fail_call(h, errno);
	Py_DECREF((PyObject *)h);
	return result != 0 ? NULL : Py_NewRef(Py_None);
}

static int need_kind(const struct view *v, enum kind kind)
{
	if (need_alive(v) != 0)
		return -1;
	if (v->kind == kind)
		return 0;
	PyErr_SetString(PyExc_TypeError, v->kind == PUSH  ? "a message that is written ends with commit() or cancel()"
					 : v->kind == POP ? "a message that is read ends with release() or cancel()"
							  : "a message of a batch ends with the batch");
	return -1;
}

static PyObject *view_release(PyObject *self, PyObject *Py_UNUSED(unused))
{
	struct view *v = (struct view *)self;

	if (!alive(v))
		Py_RETURN_NONE;
	return need_kind(v, POP) != 0 ? NULL : end(v, 0);
}

static PyObject *view_cancel(PyObject *self, PyObject *Py_UNUSED(unused))
{
	struct view *v = (struct view *)self;

	if (!alive(v))
		Py_RETURN_NONE;
	return need_kind(v, v->kind == POP ? POP : PUSH) != 0 ? NULL : end(v, -1);
}

static PyObject *view_commit(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "size", "type", NULL };
	struct view *v = (struct view *)self;
	Py_ssize_t size = v->size;
	PyObject *values[2];

	if (arguments("commit", wanted, 0, args, count, names, values) != 0 || need_kind(v, PUSH) != 0)
		return NULL;
	if (values[0] != NULL && values[0] != Py_None) {
		size = PyLong_AsSsize_t(values[0]);
		if (size == -1 && PyErr_Occurred())
			return NULL;
		if (size < 0 || size > v->size) {
			PyErr_Format(PyExc_ValueError, "size must be from 0 to %zd", v->size);
			return NULL;
		}
	}
	if (values[1] != NULL && get_type(values[1], &v->type) != 0)
		return NULL;
	return end(v, size);
}

static PyObject *view_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
	return need_alive((struct view *)self) != 0 ? NULL : Py_NewRef(self);
}

/*
 * An exception cancels: what was written is discarded, what was read returns to the queue. The traceback may refer to
 * the memory: then this happens when nothing does any more, and the exception goes on.
 */
static PyObject *view_exit(PyObject *self, PyObject *args)
{
	struct view *v = (struct view *)self;
	PyObject *class = PyTuple_GetItem(args, 0), *result;

	if (class == NULL)
		return NULL;
	if (!alive(v) || v->kind == PART)
		Py_RETURN_FALSE;
	result = end(v, class == Py_None ? v->size : -1);
	if (result == NULL && (class == Py_None || !PyErr_ExceptionMatches(PyExc_BufferError)))
		return NULL;
	PyErr_Clear();
	Py_XDECREF(result);
	Py_RETURN_FALSE;
}

static PyObject *view_data(PyObject *self, void *Py_UNUSED(closure))
{
	struct view *v = (struct view *)self;

	if (need_alive(v) != 0)
		return NULL;
	if (v->memory == NULL)
		v->memory = PyMemoryView_FromObject(self);
	return Py_XNewRef(v->memory);
}

static PyObject *view_type(PyObject *self, void *Py_UNUSED(closure))
{
	return PyLong_FromUnsignedLong(((struct view *)self)->type);
}

static PyObject *view_redelivered(PyObject *self, void *Py_UNUSED(closure))
{
	return PyBool_FromLong(((struct view *)self)->redelivered);
}

static PyObject *view_released(PyObject *self, void *Py_UNUSED(closure))
{
	return PyBool_FromLong(!alive((struct view *)self));
}

static Py_ssize_t view_length(PyObject *self)
{
	return ((struct view *)self)->size;
}

static int view_traverse(PyObject *self, visitproc visit, void *arg)
{
	struct view *v = (struct view *)self;

	Py_VISIT(Py_TYPE(self));
	Py_VISIT((PyObject *)v->owner);
	Py_VISIT((PyObject *)v->batch);
	Py_VISIT(v->memory);
	return 0;
}

/* The owner stays: what is held needs it. Only the view's own memoryview and what a program adds can make a cycle. */
static int view_clear(PyObject *self)
{
	Py_CLEAR(((struct view *)self)->memory);
	return 0;
}

static void view_dealloc(PyObject *self)
{
	struct view *v = (struct view *)self;
	struct handle *h = v->owner;

	PyObject_GC_UnTrack(self);
	if (v->batch != NULL)
		batch_forget(v->batch, v->index);
	if (h != NULL) {
		h->held = NULL;
		/* The garbage collector runs in any thread. */
		if (h->turn->thread == 0)
			held_end(h, v->kind);
		else
			h->owed = v->kind;
		Py_DECREF((PyObject *)h);
	}
	Py_XDECREF((PyObject *)v->batch);
	dealloc_object(self);
}

static PyGetSetDef view_getset[] = {
	{ "data", view_data, NULL, "The memory of the message, a memoryview that ends with the message.", NULL },
	{ "type", view_type, NULL, "The tag beside the message.", NULL },
	{ "redelivered", view_redelivered, NULL, "Whether an earlier consumer held the message and left.", NULL },
	{ "released", view_released, NULL, "Whether the memory may no longer be used.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyMethodDef view_methods[] = {
	{ "release", view_release, METH_NOARGS,
	  "Removes the message that is read from the queue. BufferError while something refers to its memory." },
	METHOD("commit", view_commit, "Pushes the first `size` bytes that were written, by default all, as a message."),
	{ "cancel", view_cancel, METH_NOARGS, "Discards what was written, or returns what was read to the queue." },
	{ "__enter__", view_enter, METH_NOARGS, NULL },
	{ "__exit__", view_exit, METH_VARARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot view_slots[] = {
	{ Py_tp_doc, "A message in the memory of the queue, for everything that takes bytes." },
	{ Py_tp_traverse, view_traverse },
	{ Py_tp_clear, view_clear },
	{ Py_tp_dealloc, view_dealloc },
	{ Py_tp_methods, view_methods },
	{ Py_tp_getset, view_getset },
	{ Py_sq_length, view_length },
	{ Py_bf_getbuffer, view_getbuffer },
	{ Py_bf_releasebuffer, view_releasebuffer },
	{ 0, NULL },
};

PyType_Spec view_spec = {
	.name = "shmemq._shmemq.View",
	.basicsize = sizeof(struct view),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = view_slots,
};
