// SPDX-License-Identifier: MIT
/* The module: its types, and the calls without a handle. */
#include "binding.h"

static struct PyModuleDef module_def;

struct state *state_get(PyObject **module)
{
	*module = PyImport_ImportModule("shmemq._shmemq");
	return *module == NULL ? NULL : PyModule_GetState(*module);
}

static PyStructSequence_Field message_fields[] = {
	{ "data", "bytes" },
	{ "type", "the tag beside it" },
	{ "redelivered", "whether an earlier consumer held the message and left" },
	{ NULL, NULL },
};
static PyStructSequence_Desc message_desc = { "shmemq.Message", "A message.", message_fields, 3 };

static PyStructSequence_Field stat_fields[] = {
	{ "capacity", NULL },
	{ "queued_bytes", NULL },
	{ "queued_messages", NULL },
	{ "pushed_bytes", NULL },
	{ "pushed_messages", NULL },
	{ "popped_bytes", NULL },
	{ "popped_messages", NULL },
	{ "reserved_bytes", NULL },
	{ "reserved_bytes_most", NULL },
	{ "slowest_bytes", NULL },
	{ "slowest_messages", NULL },
	{ "lag_bytes", NULL },
	{ "lag_messages", NULL },
	{ "producer_mark", NULL },
	{ "consumer_mark", NULL },
	{ "producer", "an End" },
	{ "consumer", "an End" },
	{ "producer_pid", NULL },
	{ "consumer_pid", NULL },
	{ "waiting", NULL },
	{ "producers", NULL },
	{ "consumers", NULL },
	{ "slowest_pid", NULL },
	{ "queued_bytes_most", NULL },
	{ "pushed_at", NULL },
	{ "popped_at", NULL },
	{ "producer_holder_pid", NULL },
	{ "consumer_holder_pid", NULL },
	{ "producer_blocked", NULL },
	{ "producer_slept", NULL },
	{ "consumer_blocked", NULL },
	{ "consumer_slept", NULL },
	{ NULL, NULL },
};
static PyStructSequence_Desc stat_desc = { "shmemq.Stat", "The state of a queue: shmemq_stat(3).", stat_fields, 32 };

static PyStructSequence_Field attr_fields[] = {
	{ "capacity", NULL },  { "capacity_max", NULL }, { "message_max", NULL }, { "messages_max", NULL },
	{ "alignment", NULL }, { "temporary", NULL },    { "broadcast", NULL },   { "id", NULL },
	{ "user", NULL },      { NULL, NULL },
};
static PyStructSequence_Desc attr_desc = { "shmemq.Attr", "What a queue was made with: shmemq_open(3).", attr_fields,
					   9 };

/* NULL if an item is NULL. */
static PyObject *sequence(PyTypeObject *type, PyObject **items, int count)
{
	PyObject *sequence = PyStructSequence_New(type);
	int failed = sequence == NULL;

	for (int i = 0; i < count; i++) {
		failed |= items[i] == NULL;
		if (sequence != NULL)
			PyStructSequence_SetItem(sequence, i, items[i]);
		else
			Py_XDECREF(items[i]);
	}
	if (failed)
		Py_CLEAR(sequence);
	return sequence;
}

PyObject *stat_new(struct state *state, const struct shmemq_stat *st)
{
	const uint64_t values[] = {
		st->capacity,
		st->queued_bytes,
		st->queued_messages,
		st->pushed_bytes,
		st->pushed_messages,
		st->popped_bytes,
		st->popped_messages,
		st->reserved_bytes,
		st->reserved_bytes_most,
		st->slowest_bytes,
		st->slowest_messages,
		st->lag_bytes,
		st->lag_messages,
		st->producer_mark,
		st->consumer_mark,
		st->producer,
		st->consumer,
		st->producer_pid,
		st->consumer_pid,
		st->waiting,
		st->producers,
		st->consumers,
		st->slowest_pid,
		st->queued_bytes_most,
		st->pushed_at,
		st->popped_at,
		st->producer_holder_pid,
		st->consumer_holder_pid,
		st->producer_blocked,
		st->producer_slept,
		st->consumer_blocked,
		st->consumer_slept,
	};
	PyObject *items[sizeof values / sizeof values[0]];

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		items[i] = PyLong_FromUnsignedLongLong(values[i]);
	return sequence(state->stat, items, sizeof values / sizeof values[0]);
}

PyObject *attr_new(struct state *state, const struct shmemq_attr *attr)
{
	PyObject *items[] = {
		PyLong_FromUnsignedLongLong(attr->capacity),
		PyLong_FromUnsignedLongLong(attr->capacity_max),
		PyLong_FromUnsignedLongLong(attr->message_max),
		PyLong_FromUnsignedLong(attr->messages_max),
		PyLong_FromUnsignedLong(attr->alignment),
		PyBool_FromLong((attr->flags & SHMEMQ_ATTR_TEMPORARY) != 0),
		PyBool_FromLong((attr->flags & SHMEMQ_ATTR_BROADCAST) != 0),
		PyLong_FromUnsignedLongLong(attr->id),
		PyBytes_FromStringAndSize((const char *)attr->user, sizeof attr->user),
	};

	return sequence(state->attr, items, sizeof items / sizeof items[0]);
}

static PyObject *module_unlink(PyObject *module, PyObject *name)
{
	PyThreadState *thread;
	PyObject *path;
	int result, error;

	if (!PyUnicode_FSConverter(name, &path))
		return NULL;
	thread = PyEval_SaveThread();
	result = shmemq_unlink(PyBytes_AsString(path));
	error = errno;
	PyEval_RestoreThread(thread);
	Py_DECREF(path);
	if (result != 0)
		return fail(PyModule_GetState(module), error, name);
	Py_RETURN_NONE;
}

static PyObject *module_memfd(PyObject *module, PyObject *args, PyObject *names)
{
	static char *words[] = { "capacity", "capacity_max", "messages_max", "alignment", "broadcast", "user", NULL };
	struct shmemq_attr attr = { 0 };
	const char *user = NULL;
	Py_ssize_t user_size = 0;
	int broadcast = 0, fd;

	if (!PyArg_ParseTupleAndKeywords(args, names, "|$O&O&O&O&py#", words, get_u64, &attr.capacity, get_u64,
					 &attr.capacity_max, get_u32, &attr.messages_max, get_u32, &attr.alignment,
					 &broadcast, &user, &user_size) ||
	    get_user(&attr, user, user_size) != 0)
		return NULL;
	attr.flags = broadcast ? SHMEMQ_ATTR_BROADCAST : 0;
	fd = shmemq_memfd(&attr);
	return fd < 0 ? fail(PyModule_GetState(module), errno, NULL) : PyLong_FromLong(fd);
}

static PyObject *module_version(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
	return PyUnicode_FromString(shmemq_version());
}

static PyMethodDef module_methods[] = {
	{ "unlink", module_unlink, METH_O, "Removes the name of a queue. Open handles keep working." },
	{ "memfd", (PyCFunction)(void (*)(void))module_memfd, METH_VARARGS | METH_KEYWORDS,
	  "Makes a queue without a name; returns its descriptor, which handles are opened with. The caller closes "
	  "it." },
	{ "version", module_version, METH_NOARGS, "The version of the library." },
	{ NULL, NULL, 0, NULL },
};

static int add_type(PyObject *module, PyTypeObject **type, PyType_Spec *spec, PyTypeObject *base)
{
	*type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
	return *type == NULL ? -1 : PyModule_AddType(module, *type);
}

static int add_sequence(PyObject *module, PyTypeObject **type, PyStructSequence_Desc *desc)
{
	*type = PyStructSequence_NewType(desc);
	return *type == NULL ? -1 : PyModule_AddType(module, *type);
}

static int module_exec(PyObject *module)
{
	struct state *s = PyModule_GetState(module);
	PyObject *errors = PyImport_ImportModule("shmemq._errors");

	if (errors == NULL)
		return -1;
	s->errors = PyObject_GetAttrString(errors, "BY_ERRNO");
	s->concurrent = PyObject_GetAttrString(errors, "Concurrent");
	s->closed = PyObject_GetAttrString(errors, "Closed");
	Py_DECREF(errors);
	if (s->errors == NULL || s->concurrent == NULL || s->closed == NULL ||
	    add_type(module, &s->handle, &handle_spec, NULL) != 0 ||
	    add_type(module, &s->producer, &producer_spec, s->handle) != 0 ||
	    add_type(module, &s->consumer, &consumer_spec, s->handle) != 0 ||
	    add_type(module, &s->follower, &follower_spec, s->handle) != 0 ||
	    add_type(module, &s->observer, &observer_spec, s->handle) != 0 ||
	    add_type(module, &s->set, &set_spec, NULL) != 0 || add_type(module, &s->view, &view_spec, NULL) != 0 ||
	    add_type(module, &s->batch, &batch_spec, NULL) != 0)
		return -1;
	if (add_sequence(module, &s->message, &message_desc) != 0 || add_sequence(module, &s->stat, &stat_desc) != 0 ||
	    add_sequence(module, &s->attr, &attr_desc) != 0)
		return -1;
	if (PyModule_AddIntConstant(module, "NEWEST", SHMEMQ_NEWEST) != 0 ||
	    PyModule_AddIntConstant(module, "QUEUED", SHMEMQ_QUEUED) != 0)
		return -1;
	return PyModule_AddIntConstant(module, "OLDEST", SHMEMQ_OLDEST);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
	struct state *s = PyModule_GetState(module);

	Py_VISIT(s->errors);
	Py_VISIT(s->concurrent);
	Py_VISIT(s->closed);
	Py_VISIT((PyObject *)s->handle);
	Py_VISIT((PyObject *)s->producer);
	Py_VISIT((PyObject *)s->consumer);
	Py_VISIT((PyObject *)s->follower);
	Py_VISIT((PyObject *)s->observer);
	Py_VISIT((PyObject *)s->set);
	Py_VISIT((PyObject *)s->view);
	Py_VISIT((PyObject *)s->batch);
	Py_VISIT((PyObject *)s->message);
	Py_VISIT((PyObject *)s->stat);
	Py_VISIT((PyObject *)s->attr);
	return 0;
}

static void module_free(void *module)
{
	struct state *s = PyModule_GetState(module);

	Py_CLEAR(s->errors);
	Py_CLEAR(s->concurrent);
	Py_CLEAR(s->closed);
	Py_CLEAR(s->handle);
	Py_CLEAR(s->producer);
	Py_CLEAR(s->consumer);
	Py_CLEAR(s->follower);
	Py_CLEAR(s->observer);
	Py_CLEAR(s->set);
	Py_CLEAR(s->view);
	Py_CLEAR(s->batch);
	Py_CLEAR(s->message);
	Py_CLEAR(s->stat);
	Py_CLEAR(s->attr);
}

static PyModuleDef_Slot module_slots[] = {
	{ Py_mod_exec, (void *)module_exec },
	{ 0, NULL },
};

static struct PyModuleDef module_def = {
	.m_base = PyModuleDef_HEAD_INIT,
	.m_name = "shmemq._shmemq",
	.m_doc = "The extension of the package shmemq.",
	.m_size = sizeof(struct state),
	.m_methods = module_methods,
	.m_slots = module_slots,
	.m_traverse = module_traverse,
	.m_free = module_free,
};

PyMODINIT_FUNC PyInit__shmemq(void)
{
	return PyModuleDef_Init(&module_def);
}
