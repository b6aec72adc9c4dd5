// SPDX-License-Identifier: MIT
/* How a handle is opened. */
#include "binding.h"

#include <string.h>
#include <unistd.h>

static unsigned end_of(PyTypeObject *type, struct state *state)
{
	if (PyType_IsSubtype(type, state->producer))
		return SHMEMQ_PRODUCER;
	if (PyType_IsSubtype(type, state->consumer))
		return SHMEMQ_CONSUMER;
	if (PyType_IsSubtype(type, state->follower))
		return SHMEMQ_FOLLOWER;
	if (PyType_IsSubtype(type, state->observer))
		return SHMEMQ_OBSERVER;
	PyErr_SetString(PyExc_TypeError, "a handle is a Producer, Consumer, Follower or Observer");
	return 0;
}

struct options {
	PyObject *name;
	unsigned flags;
	uint32_t mode;
	struct shmemq_attr attr;
};

int get_user(struct shmemq_attr *attr, const char *user, Py_ssize_t size)
{
	if (size > (Py_ssize_t)sizeof attr->user) {
		PyErr_Format(PyExc_ValueError, "user must be at most %zu bytes", sizeof attr->user);
		return -1;
	}
	if (user != NULL)
		memcpy(attr->user, user, (size_t)size);
	return 0;
}

static int parse(PyObject *args, PyObject *names, struct options *o)
{
	static char *words[] = { "",          "create",       "exclusive",    "mode",
				 "shared",    "stay",         "prefault",     "nospin",
				 "capacity",  "capacity_max", "messages_max", "alignment",
				 "temporary", "broadcast",    "user",         NULL };
	int create = 0, exclusive = 0, shared = 0, stay = 0, prefault = 0, nospin = 0, temporary = 0, broadcast = 0;
	const char *user = NULL;
	Py_ssize_t user_size = 0;

	*o = (struct options){ .mode = 0600 };
	if (!PyArg_ParseTupleAndKeywords(args, names, "O|$ppO&ppppO&O&O&O&ppy#", words, &o->name, &create, &exclusive,
					 get_u32, &o->mode, &shared, &stay, &prefault, &nospin, get_u64,
					 &o->attr.capacity, get_u64, &o->attr.capacity_max, get_u32,
					 &o->attr.messages_max, get_u32, &o->attr.alignment, &temporary, &broadcast,
					 &user, &user_size) ||
	    get_user(&o->attr, user, user_size) != 0)
		return -1;
	o->attr.flags = (temporary ? SHMEMQ_ATTR_TEMPORARY : 0) | (broadcast ? SHMEMQ_ATTR_BROADCAST : 0);
	o->flags = (create ? SHMEMQ_CREATE : 0) | (exclusive ? SHMEMQ_EXCL : 0) | (shared ? SHMEMQ_SHARED : 0) |
		   (stay ? SHMEMQ_STAY : 0) | (prefault ? SHMEMQ_PREFAULT : 0) | (nospin ? SHMEMQ_NOSPIN : 0);
	return 0;
}

static int open_queue(struct handle *h, const struct options *o)
{
	PyObject *path = NULL;
	PyThreadState *thread;
	int fd = -1, error;

	if (PyLong_Check(o->name)) {
		uint32_t number;

		if (!get_u32(o->name, &number))
			return -1;
		fd = (int)number;
	} else if (!PyUnicode_FSConverter(o->name, &path)) {
		return -1;
	}
	thread = PyEval_SaveThread();
	if (path == NULL)
		h->q = shmemq_fdopen(fd, h->flags);
	else
		h->q = shmemq_open(PyBytes_AsString(path), h->flags, o->mode, &o->attr);
	error = errno;
	PyEval_RestoreThread(thread);
	Py_XDECREF(path);
	if (h->q == NULL)
		fail(h->state, error, o->name);
	return h->q == NULL ? -1 : 0;
}

PyObject *handle_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
	allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct options options;
	struct handle *h;

	if (parse(args, names, &options) != 0)
		return NULL;
	h = (struct handle *)alloc(type, 0);
	if (h == NULL)
		return NULL;
	h->turn = &h->own;
	h->pid = getpid();
	h->name = Py_NewRef(options.name);
	h->state = state_get(&h->module);
	if (h->state == NULL)
		goto failed;
	h->flags = end_of(type, h->state);
	if (h->flags == 0)
		goto failed;
	h->flags |= options.flags;
	if (open_queue(h, &options) == 0)
		return (PyObject *)h;
failed:
	Py_DECREF(h);
	return NULL;
}
