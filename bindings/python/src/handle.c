// SPDX-License-Identifier: MIT
/* Handle, the base of Producer, Consumer, Follower and Observer: close, and what all of them can do. */
#include "binding.h"

#include <unistd.h>

int forked(const struct handle *h)
{
	return h->pid != getpid();
}

void dealloc_object(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	release(self);
	Py_DECREF(type);
}

static int handle_traverse(PyObject *self, visitproc visit, void *arg)
{
	struct handle *h = (struct handle *)self;

	Py_VISIT(Py_TYPE(self));
	Py_VISIT(h->module);
	Py_VISIT(h->name);
	Py_VISIT((PyObject *)h->set);
	return 0;
}

/* Without waiting for the turn, which is the caller's. */
static int close_now(struct handle *h)
{
	struct shmemq *q = h->q;
	PyThreadState *thread;
	int result, error;

	/* From here on no thread interrupts it. */
	h->q = NULL;
	if (h->set != NULL)
		set_forget(h->set, h);
	thread = PyEval_SaveThread();
	result = shmemq_close(q);
	error = errno;
	PyEval_RestoreThread(thread);
	errno = error;
	return result;
}

static PyObject *handle_close(PyObject *self, PyObject *Py_UNUSED(unused))
{
	struct handle *h = (struct handle *)self;
	struct turn *turn;
	PyObject *set;
	int result = 0;

	/* In a forked child the turn may be that of a thread which does not exist there. */
	if (h->q != NULL && forked(h))
		h->turn->thread = 0;
	/* The set, whose turn this may be, stays while the handle leaves it. */
	turn = h->turn;
	set = Py_XNewRef((PyObject *)h->set);
	if (enter_to_close(h->state, turn, h) != 0) {
		Py_XDECREF(set);
		return NULL;
	}
	if (turn != h->turn) {
		/* While this thread waited, another one has put the handle into a set, or taken it out. */
		turn->thread = 0;
		Py_XDECREF(set);
		return handle_close(self, NULL);
	}
	if (h->q != NULL)
		result = held_recall(h);
	if (h->q != NULL && result == 0)
		result = close_now(h);
	turn->thread = 0;
	Py_XDECREF(set);
	if (result != 0)
		return fail_call(h, errno);
	Py_RETURN_NONE;
}

/* As files do: a handle that is dropped is closed, with a warning. */
static void handle_finalize(PyObject *self)
{
	struct handle *h = (struct handle *)self;
	PyObject *type, *value, *traceback;

	/* Others that are dropped with it may refer to memory that is lent: handle_dealloc() comes after them. */
	if (h->q == NULL || forked(h) || held_lent(h))
		return;
	PyErr_Fetch(&type, &value, &traceback);
	if (PyErr_ResourceWarning(self, 1, "unclosed %R", self) != 0)
		PyErr_WriteUnraisable(self);
	if (held_recall(h) == 0)
		close_now(h);
	PyErr_Restore(type, value, traceback);
}

static void handle_dealloc(PyObject *self)
{
	struct handle *h = (struct handle *)self;

	PyObject_GC_UnTrack(self);
	if (h->q != NULL)
		close_now(h);
	PyMem_Free(h->buffer);
	Py_CLEAR(h->name);
	Py_CLEAR(h->module);
	dealloc_object(self);
}

static PyObject *handle_repr(PyObject *self)
{
	struct handle *h = (struct handle *)self;
	PyObject *name = PyType_GetName(Py_TYPE(self)), *text = NULL;

	if (name != NULL)
		text = PyUnicode_FromFormat("<shmemq.%U %R%s>", name, h->name, h->q == NULL ? ", closed" : "");
	Py_XDECREF(name);
	return text;
}

static PyObject *handle_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
	if (enter((struct handle *)self) != 0)
		return NULL;
	leave((struct handle *)self);
	return Py_NewRef(self);
}

static PyObject *handle_exit(PyObject *self, PyObject *Py_UNUSED(args))
{
	PyObject *result = PyObject_CallMethod(self, "close", NULL);

	Py_XDECREF(result);
	return result == NULL ? NULL : Py_NewRef(Py_False);
}

static PyObject *handle_interrupt(PyObject *self, PyObject *Py_UNUSED(unused))
{
	struct handle *h = (struct handle *)self;

	/* Without the turn. The GIL keeps close_now() away. */
	if (h->q == NULL) {
		PyErr_SetString(PyExc_ValueError, "the handle is closed");
		return NULL;
	}
	if (shmemq_interrupt(h->q) != 0)
		return fail_call(h, errno);
	Py_RETURN_NONE;
}

/* A call that returns a number, or -1. */
static PyObject *number(struct handle *h, int (*call)(struct shmemq *))
{
	int result;

	if (enter(h) != 0)
		return NULL;
	result = call(h->q);
	leave(h);
	return result < 0 ? fail_call(h, errno) : PyLong_FromLong(result);
}

static PyObject *handle_fileno(PyObject *self, PyObject *Py_UNUSED(unused))
{
	return number((struct handle *)self, shmemq_pollfd);
}

static PyObject *handle_dupfd(PyObject *self, PyObject *Py_UNUSED(unused))
{
	return number((struct handle *)self, shmemq_dupfd);
}

static PyObject *handle_mark(PyObject *self, PyObject *mark)
{
	struct handle *h = (struct handle *)self;
	uint64_t value;
	int result;

	if (!get_u64(mark, &value) || enter(h) != 0)
		return NULL;
	result = shmemq_mark(h->q, value);
	leave(h);
	if (result != 0)
		return fail_call(h, errno);
	Py_RETURN_NONE;
}

static PyObject *handle_stat(PyObject *self, PyObject *Py_UNUSED(unused))
{
	struct handle *h = (struct handle *)self;
	struct shmemq_stat st;
	int result;

	if (enter(h) != 0)
		return NULL;
	result = shmemq_stat(h->q, &st);
	leave(h);
	return result != 0 ? fail_call(h, errno) : stat_new(h->state, &st);
}

static PyObject *handle_getattr(PyObject *self, PyObject *Py_UNUSED(unused))
{
	struct handle *h = (struct handle *)self;
	struct shmemq_attr attr;
	int result;

	if (enter(h) != 0)
		return NULL;
	result = shmemq_getattr(h->q, &attr);
	leave(h);
	return result != 0 ? fail_call(h, errno) : attr_new(h->state, &attr);
}

static long attempt_peer(void *q, void *Py_UNUSED(arg), int64_t timeout)
{
	return shmemq_wait_peer(q, timeout);
}

static PyObject *handle_wait_peer(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "timeout", NULL };
	struct handle *h = (struct handle *)self;
	PyObject *value[1];
	int64_t timeout;
	long result;

	if (arguments("wait_peer", wanted, 0, args, count, names, value) != 0 || get_timeout(value[0], &timeout) != 0 ||
	    enter(h) != 0)
		return NULL;
	result = repeat(attempt_peer, h->q, NULL, timeout, 0, h->turn);
	leave(h);
	if (result != 0)
		return fail_call(h, errno);
	Py_RETURN_NONE;
}

static PyObject *get_name(PyObject *self, void *Py_UNUSED(closure))
{
	return Py_NewRef(((struct handle *)self)->name);
}

static PyObject *get_closed(PyObject *self, void *Py_UNUSED(closure))
{
	return PyBool_FromLong(((struct handle *)self)->q == NULL);
}

static PyObject *get_flags(PyObject *self, void *Py_UNUSED(closure))
{
	return PyLong_FromUnsignedLong(((struct handle *)self)->flags);
}

static PyGetSetDef handle_getset[] = {
	{ "name", get_name, NULL, "What the handle was opened with: a name, or the number of a descriptor.", NULL },
	{ "closed", get_closed, NULL, "Whether the handle has been closed.", NULL },
	{ "_flags", get_flags, NULL, NULL, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyMethodDef handle_methods[] = {
	{ "close", handle_close, METH_NOARGS,
	  "Releases the end. Ends the wait of another thread, which gets Cancelled, and waits until it has ended.\n"
	  "Raises BufferError, and closes nothing, while something refers to the memory of a message." },
	{ "interrupt", handle_interrupt, METH_NOARGS,
	  "Makes the current wait, or the next one, raise Cancelled. For any thread." },
	{ "fileno", handle_fileno, METH_NOARGS, "The descriptor that an event loop watches: shmemq_pollfd(3)." },
	{ "dupfd", handle_dupfd, METH_NOARGS, "A new descriptor of the queue, to pass on. The caller closes it." },
	{ "mark", handle_mark, METH_O, "Stores a number together with the next push or release: shmemq_mark(3)." },
	{ "stat", handle_stat, METH_NOARGS, "The state of the queue." },
	{ "getattr", handle_getattr, METH_NOARGS, "The attributes of the queue." },
	METHOD("wait_peer", handle_wait_peer, "Waits until a handle that lives has claimed the other end."),
	{ "__enter__", handle_enter, METH_NOARGS, NULL },
	{ "__exit__", handle_exit, METH_VARARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot handle_slots[] = {
	{ Py_tp_doc, "What all handles can do." },
	{ Py_tp_new, handle_new },
	{ Py_tp_traverse, handle_traverse },
	{ Py_tp_finalize, handle_finalize },
	{ Py_tp_dealloc, handle_dealloc },
	{ Py_tp_repr, handle_repr },
	{ Py_tp_methods, handle_methods },
	{ Py_tp_getset, handle_getset },
	{ 0, NULL },
};

PyType_Spec handle_spec = {
	.name = "shmemq._shmemq.Handle",
	.basicsize = sizeof(struct handle),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = handle_slots,
};
