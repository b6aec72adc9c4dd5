// SPDX-License-Identifier: MIT
/* One thread at a time uses a handle; and how a call waits. */
#include "binding.h"

#include <time.h>

/*
 * A wait is made of slices of so many ns. A signal that arrives just before a call sleeps does not end its sleep, and
 * one that another thread receives does not either: Python's handlers run when the slice has ended.
 */
#define SLICE INT64_C(250000000)

static int fail_concurrent(struct state *state)
{
	PyErr_SetString(state->concurrent, "another thread, or the code that this signal handler has interrupted, uses "
					   "the handle or its set: one at a time may");
	return -1;
}

int enter_turn(struct state *state, struct turn *turn)
{
	if (turn->thread != 0)
		return fail_concurrent(state);
	if (turn->closing) {
		fail(state, ECANCELED, NULL);
		return -1;
	}
	turn->thread = PyThread_get_thread_ident();
	return 0;
}

int enter(struct handle *h)
{
	if (h->q == NULL) {
		PyErr_SetString(PyExc_ValueError, "the handle is closed");
		return -1;
	}
	/* The thread that has the turn may not exist in this process. */
	if (h->turn->thread != 0 && forked(h)) {
		fail_call(h, EPERM);
		return -1;
	}
	return enter_turn(h->state, h->turn);
}

void leave(struct handle *h)
{
	int error = errno;

	if (h->owed != NOTHING)
		held_end(h, h->owed);
	h->owed = NOTHING;
	h->turn->thread = 0;
	errno = error;
}

int enter_to_close(struct state *state, struct turn *turn, struct handle *h)
{
	const struct timespec moment = { .tv_sec = 0, .tv_nsec = 1000000 };
	PyThreadState *thread;

	while (turn->thread != 0) {
		if (turn->thread == PyThread_get_thread_ident())
			return fail_concurrent(state);
		/* Again each time: a call that did not wait has not noticed the last one. */
		if (h != NULL && h->q != NULL)
			shmemq_interrupt(h->q);
		turn->closing++;
		thread = PyEval_SaveThread();
		nanosleep(&moment, NULL);
		PyEval_RestoreThread(thread);
		turn->closing--;
		if (PyErr_CheckSignals() != 0)
			return -1;
	}
	turn->thread = PyThread_get_thread_ident();
	return 0;
}

/* After a slice: 1 goes on, 0 ends with `*error`, -1 with an exception. */
static int again(int *error, int last, const struct turn *turn)
{
	if (*error != EINTR && *error != ETIMEDOUT && *error != EAGAIN)
		return 0;
	if (PyErr_CheckSignals() != 0)
		return -1;
	if (turn->closing) {
		*error = ECANCELED;
		return 0;
	}
	if (!last || *error == EINTR)
		return 1;
	*error = ETIMEDOUT;
	return 0;
}

long repeat(attempt_fn *attempt, void *object, void *arg, int64_t timeout, int large, const struct turn *turn)
{
	int64_t deadline, left;
	PyThreadState *thread;
	int error, more;
	long result;

	if (!large) {
		result = attempt(object, arg, 0);
		if (result >= 0 || timeout == 0 || errno != EAGAIN)
			return result;
	}
	deadline = shmemq_deadline(timeout);
	do {
		left = shmemq_left(deadline);
		thread = PyEval_SaveThread();
		result = attempt(object, arg, left < SLICE ? left : SLICE);
		error = errno;
		PyEval_RestoreThread(thread);
		if (result >= 0)
			return result;
		more = again(&error, left <= SLICE, turn);
	} while (more > 0);
	errno = error == ETIMEDOUT && timeout == 0 ? EAGAIN : error;
	return -1;
}
