// SPDX-License-Identifier: MIT
/* Set: waits for many handles at once. It and its handles refer to each other, until one of them is closed. */
#include "binding.h"

#include <unistd.h>

struct set {
	PyObject ob_base;
	struct shmemq_set *s; /* NULL: closed */
	struct state *state;
	PyObject *module;  /* keeps the state */
	PyObject *handles; /* a dict: address -> handle */
	struct turn turn;
	pid_t pid;
};

static int enter_set(struct set *s)
{
	if (s->s == NULL) {
		PyErr_SetString(PyExc_ValueError, "the set is closed");
		return -1;
	}
	if (s->turn.thread != 0 && s->pid != getpid()) {
		fail(s->state, -EPERM, NULL);
		return -1;
	}
	return enter_turn(s->state, &s->turn);
}

static PyObject *done(struct set *s, int result)
{
	int error = errno;

	s->turn.thread = 0;
	if (result != 0)
		return fail(s->state, error == EPERM ? -EPERM : error, NULL);
	Py_RETURN_NONE;
}

static PyObject *set_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
	allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct set *s;

	if ((args != NULL && PyTuple_Size(args) > 0) || (names != NULL && PyDict_Size(names) > 0)) {
		PyErr_SetString(PyExc_TypeError, "Set() takes no arguments");
		return NULL;
	}
	s = (struct set *)alloc(type, 0);
	if (s == NULL)
		return NULL;
	s->pid = getpid();
	s->state = state_get(&s->module);
	s->handles = s->state == NULL ? NULL : PyDict_New();
	if (s->handles != NULL) {
		s->s = shmemq_set_open();
		if (s->s != NULL)
			return (PyObject *)s;
		fail(s->state, errno, NULL);
	}
	Py_DECREF(s);
	return NULL;
}

void set_forget(struct set *s, struct handle *h)
{
	PyObject *key = PyLong_FromVoidPtr(h);

	h->set = NULL;
	h->turn = &h->own;
	if (key == NULL || PyDict_DelItem(s->handles, key) != 0)
		PyErr_Clear();
	Py_XDECREF(key);
	Py_DECREF((PyObject *)s);
}

static void close_now(struct set *s)
{
	PyObject *handles = s->handles, *handle;
	Py_ssize_t position = 0;

	if (s->s == NULL)
		return;
	shmemq_set_close(s->s);
	s->s = NULL;
	s->handles = NULL;
	while (PyDict_Next(handles, &position, NULL, &handle)) {
		((struct handle *)handle)->set = NULL;
		((struct handle *)handle)->turn = &((struct handle *)handle)->own;
		Py_DECREF((PyObject *)s);
	}
	Py_DECREF(handles);
}

/* The set that the argument may be added to or removed from; both have the turn then. */
static struct handle *handle_of(struct set *s, PyObject *object)
{
	int is = PyObject_IsInstance(object, (PyObject *)s->state->handle);

	if (is > 0)
		return (struct handle *)object;
	if (is == 0)
		PyErr_SetString(PyExc_TypeError, "a set is of Producer, Consumer and Follower handles");
	return NULL;
}

static PyObject *set_add(PyObject *self, PyObject *object)
{
	struct set *s = (struct set *)self;
	struct handle *h = handle_of(s, object);
	PyObject *key;
	int result = -1;

	if (h == NULL)
		return NULL;
	if (h->set != NULL)
		return fail_call(h, EBUSY);
	if (enter_set(s) != 0)
		return NULL;
	key = PyLong_FromVoidPtr(h);
	if (key != NULL && PyDict_SetItem(s->handles, key, object) == 0) {
		if (enter(h) == 0) {
			result = shmemq_set_add(s->s, h->q, h);
			leave(h);
		}
		if (result == 0) {
			h->set = (struct set *)Py_NewRef(self);
			h->turn = &s->turn;
		} else {
			int error = errno;
			PyObject *type, *value, *traceback;

			PyErr_Fetch(&type, &value, &traceback);
			PyDict_DelItem(s->handles, key);
			PyErr_Restore(type, value, traceback);
			errno = error;
		}
	}
	Py_XDECREF(key);
	if (PyErr_Occurred()) {
		s->turn.thread = 0;
		return NULL;
	}
	return done(s, result);
}

static PyObject *set_remove(PyObject *self, PyObject *object)
{
	struct set *s = (struct set *)self;
	struct handle *h = handle_of(s, object);
	int result;

	if (h == NULL)
		return NULL;
	if (h->set != s)
		return fail(s->state, ENOENT, NULL);
	if (enter_set(s) != 0)
		return NULL;
	result = shmemq_set_remove(s->s, h->q);
	if (result == 0)
		set_forget(s, h);
	return done(s, result);
}

struct ready {
	void *cookies[AT_ONCE];
	int max;
};

static long attempt_wait(void *set, void *arg, int64_t timeout)
{
	struct ready *ready = arg;

	return shmemq_set_wait(set, ready->cookies, ready->max, timeout);
}

static PyObject *set_wait(PyObject *self, ARGUMENTS)
{
	static const char *const wanted[] = { "max", "timeout", NULL };
	struct set *s = (struct set *)self;
	struct ready ready = { .max = AT_ONCE };
	unsigned max = AT_ONCE;
	PyObject *values[2], *list;
	int64_t timeout;
	long got;

	if (arguments("wait", wanted, 0, args, count, names, values) != 0 ||
	    (values[0] != NULL && get_count(values[0], &max) != 0) || get_timeout(values[1], &timeout) != 0 ||
	    enter_set(s) != 0)
		return NULL;
	if (max < AT_ONCE)
		ready.max = (int)max;
	got = repeat(attempt_wait, s->s, &ready, timeout, 0, &s->turn);
	if (got < 0)
		return PyErr_Occurred() ? (s->turn.thread = 0, NULL) : done(s, -1);
	list = PyList_New(got);
	for (int i = 0; list != NULL && i < got; i++)
		PyList_SetItem(list, i, Py_NewRef((PyObject *)ready.cookies[i]));
	s->turn.thread = 0;
	return list;
}

static PyObject *set_fileno(PyObject *self, PyObject *Py_UNUSED(unused))
{
	struct set *s = (struct set *)self;
	int fd;

	if (enter_set(s) != 0)
		return NULL;
	fd = shmemq_set_fd(s->s);
	if (fd < 0)
		return done(s, -1);
	s->turn.thread = 0;
	return PyLong_FromLong(fd);
}

static PyObject *set_close(PyObject *self, PyObject *Py_UNUSED(unused))
{
	struct set *s = (struct set *)self;

	if (s->s != NULL && s->pid != getpid())
		s->turn.thread = 0;
	if (enter_to_close(s->state, &s->turn, NULL) != 0)
		return NULL;
	close_now(s);
	s->turn.thread = 0;
	Py_RETURN_NONE;
}

static PyObject *set_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
	if (enter_set((struct set *)self) != 0)
		return NULL;
	((struct set *)self)->turn.thread = 0;
	return Py_NewRef(self);
}

static PyObject *set_exit(PyObject *self, PyObject *Py_UNUSED(args))
{
	PyObject *result = set_close(self, NULL);

	Py_XDECREF(result);
	return result == NULL ? NULL : Py_NewRef(Py_False);
}

static Py_ssize_t set_length(PyObject *self)
{
	struct set *s = (struct set *)self;

	return s->handles == NULL ? 0 : PyDict_Size(s->handles);
}

static int set_traverse(PyObject *self, visitproc visit, void *arg)
{
	struct set *s = (struct set *)self;

	Py_VISIT(Py_TYPE(self));
	Py_VISIT(s->module);
	Py_VISIT(s->handles);
	return 0;
}

static int set_clear(PyObject *self)
{
	close_now((struct set *)self);
	return 0;
}

static void set_dealloc(PyObject *self)
{
	struct set *s = (struct set *)self;

	PyObject_GC_UnTrack(self);
	/* Without handles: each would refer to the set. */
	if (s->s != NULL)
		shmemq_set_close(s->s);
	Py_CLEAR(s->handles);
	Py_CLEAR(s->module);
	dealloc_object(self);
}

static PyMethodDef set_methods[] = {
	{ "add", set_add, METH_O, "Adds a handle, which no other set has and whose fileno() has not been used." },
	{ "remove", set_remove, METH_O, "Removes a handle. Its close() does so, too." },
	METHOD("wait", set_wait, "Waits until a handle is ready; returns a list of up to `max` (256) that are."),
	{ "fileno", set_fileno, METH_NOARGS, "The descriptor that a larger event loop watches." },
	{ "close", set_close, METH_NOARGS, "Frees the set. Its handles remain open." },
	{ "__enter__", set_enter, METH_NOARGS, NULL },
	{ "__exit__", set_exit, METH_VARARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot set_slots[] = {
	{ Py_tp_doc, "Waits for many handles at once: shmemq_set_open(3)." },
	{ Py_tp_new, (void *)set_new },
	{ Py_tp_traverse, (void *)set_traverse },
	{ Py_tp_clear, (void *)set_clear },
	{ Py_tp_dealloc, (void *)set_dealloc },
	{ Py_tp_methods, set_methods },
	{ Py_sq_length, (void *)set_length },
	{ 0, NULL },
};

PyType_Spec set_spec = {
	.name = "shmemq._shmemq.Set",
	.basicsize = sizeof(struct set),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.slots = set_slots,
};
