/* SPDX-License-Identifier: MIT */
/*
 * What the files of the extension share.
 *
 * The interpreter's lock (GIL) guards all fields of all objects here. A call on a handle that may wait, or copies much,
 * gives the GIL up; until it returns, the handle's turn is taken, and calls of other threads raise Concurrent. Handles
 * that are in a set have their turn together, since a set and its handles are for one thread at a time.
 *
 * What a handle holds in the ring is an object that refers to the handle: a view or a batch. Memory of the ring is lent
 * by the buffer protocol alone, and each loan refers to its view. So nothing is unmapped while anything refers to it,
 * and a view that has loans can't be released.
 */
#ifndef SHMEMQ_BINDING_H
#define SHMEMQ_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <shmemq.h>

/* A copy of more bytes than this gives the GIL up, which costs about as much as copying so many. */
#define LARGE 32768

/* What pop_many and push_many do at once. */
#define AT_ONCE 256

struct state {
	PyObject *errors; /* of shmemq._errors: errno -> (class, text); -EAGAIN: full; -EPERM: forked */
	PyObject *concurrent, *closed;
	PyTypeObject *handle, *producer, *consumer, *follower, *observer, *set, *view, *batch;
	PyTypeObject *message, *stat, *attr;
};

/* Whose turn it is. */
struct turn {
	unsigned long thread; /* 0: nobody's */
	int closing;          /* threads that wait for it in order to close: the call that has it must end */
};

enum kind { NOTHING, POP, PUSH, BATCH, PART }; /* PART: of a batch, which ends it */

struct set;
struct batch;

struct handle {
	PyObject ob_base;
	struct shmemq *q; /* NULL: closed */
	struct state *state;
	PyObject *module; /* keeps the state */
	PyObject *name;   /* a string, or the number of a descriptor */
	struct turn own, *turn;
	struct set *set; /* that the handle is in */
	PyObject *held;  /* what it holds, a view or a batch; not counted */
	enum kind holds;
	enum kind owed; /* what was dropped while the handle was in use, and has to be ended after that */
	char *buffer;   /* a follower's */
	size_t buffer_size;
	pid_t pid;
	unsigned flags;
	uint32_t type; /* of the last message */
	int redelivered;
};

struct view {
	PyObject ob_base;
	struct handle *owner; /* NULL: released */
	struct batch *batch;  /* of a PART */
	Py_ssize_t index;
	enum kind kind;
	char *data;
	Py_ssize_t size;
	uint32_t type;
	int redelivered;
	Py_ssize_t lent;  /* buffers that refer to it */
	PyObject *memory; /* one of them, the view's own memoryview */
};

#define ARGUMENTS PyObject *const *args, Py_ssize_t count, PyObject *names
#define METHOD(name, function, doc)                                                               \
	{                                                                                         \
		name, (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS, doc \
	}

extern PyType_Spec handle_spec, producer_spec, consumer_spec, follower_spec, observer_spec, set_spec, view_spec,
	batch_spec;

/* module.c */
struct state *state_get(PyObject **module); /* and a new reference to the module */
PyObject *stat_new(struct state *state, const struct shmemq_stat *st);
PyObject *attr_new(struct state *state, const struct shmemq_attr *attr);

/* arguments.c. The functions that return int: 0, or -1 with an exception. */
int arguments(const char *function, const char *const *wanted, int required, ARGUMENTS, PyObject **values);
int get_timeout(PyObject *object, int64_t *timeout); /* seconds; NULL or None: forever */
int get_type(PyObject *object, uint32_t *type);      /* NULL: 0 */
int get_count(PyObject *object, unsigned *count);    /* at most INT_MAX */
int get_u64(PyObject *object, void *value);          /* a converter of PyArg_Parse */
int get_u32(PyObject *object, void *value);
/* Raise the exception for an errno, and return NULL. */
PyObject *fail(struct state *state, int error, PyObject *name);
PyObject *fail_call(struct handle *h, int error); /* unless one has been raised */
/* What an iterator returns: no exception if the producer has closed. */
PyObject *end_of_messages(struct handle *h, PyObject *message);
PyObject *message_new(struct state *state, PyObject *bytes, uint32_t type, int redelivered);

/* turn.c */
int enter_turn(struct state *state, struct turn *turn);
int enter(struct handle *h);  /* -1: closed, or another thread's turn */
void leave(struct handle *h); /* keeps errno */
/* Waits for the turn, and takes it. Interrupts the wait of `h`, unless that is NULL. */
int enter_to_close(struct state *state, struct turn *turn, struct handle *h);
/*
 * Repeats the attempt until it succeeds, fails for good, or the time is up. The first attempt has the GIL and a timeout
 * of 0, unless it is large. Returns what the attempt did: if that is negative with errno, or with an exception.
 */
typedef long attempt_fn(void *object, void *arg, int64_t timeout);
long repeat(attempt_fn *attempt, void *object, void *arg, int64_t timeout, int large, const struct turn *turn);

/* open.c */
PyObject *handle_new(PyTypeObject *type, PyObject *args, PyObject *names);
int get_user(struct shmemq_attr *attr, const char *user, Py_ssize_t size);

/* handle.c */
int forked(const struct handle *h);
void dealloc_object(PyObject *self); /* frees the object, and lets its type go */

/* view.c */
PyObject *view_new(struct state *state, const struct shmemq_msg *msg, enum kind kind);
/* Ends the view's own memoryview. -1 with BufferError: something else refers to the memory. */
int view_recall(struct view *v);
void view_hold(struct view *v, struct handle *h);
/* Recalls what the handle holds, and lets go of it. The handle's next call is to end it, or its close. */
int held_recall(struct handle *h);
int held_lent(const struct handle *h);
/* Ends what the library holds. `keep`: a message returns to the queue. */
int held_end(struct handle *h, enum kind kind);

/* batch.c */
PyObject *batch_start(struct handle *h, const struct shmemq_msg *msgs, int count);
int batch_recall(PyObject *batch, int release);
int batch_lent(PyObject *batch);
int batch_alive(const struct batch *b);
void batch_forget(struct batch *b, Py_ssize_t index);

/* set.c */
void set_forget(struct set *s, struct handle *h);

#endif
