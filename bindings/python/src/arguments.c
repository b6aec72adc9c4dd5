// SPDX-License-Identifier: MIT
/* Arguments and exceptions. */
#include "binding.h"

#include <math.h>

static int place(const char *function, const char *const *wanted, PyObject *name, PyObject *value, PyObject **values)
{
	for (int i = 0; wanted[i] != NULL; i++) {
		if (PyUnicode_CompareWithASCIIString(name, wanted[i]) != 0)
			continue;
		if (values[i] != NULL) {
			PyErr_Format(PyExc_TypeError, "%s() got two values for '%s'", function, wanted[i]);
			return -1;
		}
		values[i] = value;
		return 0;
	}
	PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function, name);
	return -1;
}

/* Borrowed references into `values`, by the order of `wanted`; NULL where there is none. */
int arguments(const char *function, const char *const *wanted, int required, PyObject *const *args, Py_ssize_t count,
	      PyObject *names, PyObject **values)
{
	Py_ssize_t most = 0, named = names == NULL ? 0 : PyTuple_Size(names);

	for (; wanted[most] != NULL; most++)
		values[most] = most < count ? args[most] : NULL;
	if (count > most) {
		PyErr_Format(PyExc_TypeError, "%s() takes at most %zd arguments (%zd given)", function, most, count);
		return -1;
	}
	for (Py_ssize_t i = 0; i < named; i++) {
		if (place(function, wanted, PyTuple_GetItem(names, i), args[count + i], values) != 0)
			return -1;
	}
	for (int i = 0; i < required; i++) {
		if (values[i] == NULL) {
			PyErr_Format(PyExc_TypeError, "%s() needs the argument '%s'", function, wanted[i]);
			return -1;
		}
	}
	return 0;
}

int get_timeout(PyObject *object, int64_t *timeout)
{
	double seconds;

	*timeout = -1;
	if (object == NULL || object == Py_None)
		return 0;
	seconds = PyFloat_AsDouble(object);
	if (seconds == -1.0 && PyErr_Occurred())
		return -1;
	if (isnan(seconds) || seconds < 0) {
		PyErr_SetString(PyExc_ValueError, "the timeout must be None, 0 or a positive number of seconds");
		return -1;
	}
	/* Rounded up: the shortest timeout is not a try. What the clock can't count is forever. */
	if (seconds < 9e9)
		*timeout = (int64_t)ceil(seconds * 1e9);
	return 0;
}

int get_type(PyObject *object, uint32_t *type)
{
	*type = 0;
	return object == NULL || get_u32(object, type) ? 0 : -1;
}

int get_count(PyObject *object, unsigned *count)
{
	uint64_t number;

	if (!get_u64(object, &number))
		return -1;
	*count = number > INT_MAX ? INT_MAX : (unsigned)number;
	return 0;
}

int get_u64(PyObject *object, void *value)
{
	unsigned long long number = PyLong_AsUnsignedLongLong(object);

	if (number == (unsigned long long)-1 && PyErr_Occurred())
		return 0;
	*(uint64_t *)value = number;
	return 1;
}

int get_u32(PyObject *object, void *value)
{
	uint64_t number;

	if (!get_u64(object, &number))
		return 0;
	if (number > UINT32_MAX) {
		PyErr_SetString(PyExc_OverflowError, "the number must be from 0 to 2**32 - 1");
		return 0;
	}
	*(uint32_t *)value = (uint32_t)number;
	return 1;
}

PyObject *fail(struct state *state, int error, PyObject *name)
{
	PyObject *key = PyLong_FromLong(error), *entry, *class, *exception = NULL;

	if (key == NULL)
		return NULL;
	entry = PyDict_GetItemWithError(state->errors, key);
	Py_DECREF(key);
	if (entry == NULL) {
		/* An errno that the library's documentation does not have. */
		errno = error;
		return PyErr_Occurred() ? NULL : PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
	}
	class = PyTuple_GetItem(entry, 0);
	if (class == NULL)
		return NULL;
	error = error < 0 ? -error : error;
	if (name != NULL)
		exception = PyObject_CallFunction(class, "iOO", error, PyTuple_GetItem(entry, 1), name);
	else
		exception = PyObject_CallFunction(class, "iO", error, PyTuple_GetItem(entry, 1));
	if (exception != NULL) {
		PyErr_SetObject(class, exception);
		Py_DECREF(exception);
	}
	return NULL;
}

/* The failure of a call on a handle. EPERM is then always a fork. */
PyObject *fail_call(struct handle *h, int error)
{
	if (PyErr_Occurred())
		return NULL;
	if (error == EAGAIN && (h->flags & SHMEMQ_PRODUCER))
		error = -EAGAIN;
	return fail(h->state, error == EPERM ? -EPERM : error, NULL);
}

PyObject *end_of_messages(struct handle *h, PyObject *message)
{
	if (message == NULL && PyErr_ExceptionMatches(h->state->closed))
		PyErr_Clear();
	return message;
}

/* Takes the reference to `bytes`, which may be NULL: an exception. */
PyObject *message_new(struct state *state, PyObject *bytes, uint32_t type, int redelivered)
{
	PyObject *message = bytes == NULL ? NULL : PyStructSequence_New(state->message);
	PyObject *tag = message == NULL ? NULL : PyLong_FromUnsignedLong(type);

	if (tag == NULL) {
		Py_XDECREF(message);
		Py_XDECREF(bytes);
		return NULL;
	}
	PyStructSequence_SetItem(message, 0, bytes);
	PyStructSequence_SetItem(message, 1, tag);
	PyStructSequence_SetItem(message, 2, PyBool_FromLong(redelivered));
	return message;
}
