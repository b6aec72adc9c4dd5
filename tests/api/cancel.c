/* SPDX-License-Identifier: MIT */
/* pthread_cancel(): no call is a cancellation point, so none is ended in the middle. */
#include "config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "format.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

/* What a thread does that has been cancelled, or is cancelled meanwhile. */
struct job {
	void (*act)(struct job *job);
	const char *name;
	struct shmemq *q;
	const struct call *call;
	int fd, result, err;
	bool returned;
	atomic_bool ready, wait; /* `wait`: until it is cleared, with the act */
};

static void *do_job(void *argument)
{
	struct job *job = argument;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &(int){ 0 });
	job->ready = true;
	while (job->wait)
		test_sleep(MS);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &(int){ 0 });
	job->act(job);
	job->err = errno;
	job->returned = true;
	for (;;)
		pthread_testcancel();
	return NULL;
}

/* Runs the act in a thread that is cancelled before it, and so again and again ready to end. */
static void act_cancelled(struct job *job, void (*act)(struct job *job))
{
	pthread_t thread;
	void *end;

	*job = (struct job){
		.act = act, .name = job->name, .q = job->q, .call = job->call, .fd = job->fd, .wait = true
	};
	ck_assert_int_eq(pthread_create(&thread, NULL, do_job, job), 0);
	while (!job->ready)
		test_sleep(MS);
	ck_assert_int_eq(pthread_cancel(thread), 0);
	job->wait = false;
	ck_assert_int_eq(pthread_join(thread, &end), 0);
	ck_assert(end == PTHREAD_CANCELED && job->returned);
}

static void act_create(struct job *job)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };

	job->q = shmemq_open(job->name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
}

static void act_open(struct job *job)
{
	job->q = shmemq_open(job->name, SHMEMQ_CONSUMER, 0, NULL);
}

static void act_observe(struct job *job)
{
	struct shmemq *observer = shmemq_open(job->name, SHMEMQ_OBSERVER, 0, NULL);
	struct shmemq_stat st;

	job->result = observer == NULL ? -1 : shmemq_stat(observer, &st) | shmemq_close(observer);
}

static void act_pollfd(struct job *job)
{
	job->fd = shmemq_pollfd(job->q);
}

static void act_push(struct job *job)
{
	job->result = end_try(job->q, SHMEMQ_PRODUCER);
}

static void act_pop(struct job *job)
{
	job->result = end_try(job->q, SHMEMQ_CONSUMER);
}

static void act_close(struct job *job)
{
	job->result = shmemq_close(job->q);
}

static void act_memfd(struct job *job)
{
	job->fd = shmemq_memfd(NULL);
}

static void act_dupfd(struct job *job)
{
	job->fd = shmemq_dupfd(job->q);
}

static void act_fdopen(struct job *job)
{
	job->q = shmemq_fdopen(job->fd, SHMEMQ_PRODUCER);
}

static void act_unlink(struct job *job)
{
	job->result = shmemq_unlink(job->name);
}

/* Each call does all that it does, and no descriptor is lost. */
TEST(calls_are_no_cancellation_points)
{
	unsigned descriptors = file_descriptors();
	struct job producer = { .name = test_name() }, consumer = { .name = producer.name };

	act_cancelled(&producer, act_create);
	act_cancelled(&consumer, act_open);
	ck_assert(producer.q != NULL && consumer.q != NULL);
	act_cancelled(&consumer, act_observe);
	ck_assert_int_eq(consumer.result, 0);
	act_cancelled(&consumer, act_pollfd);
	ck_assert_int_ge(consumer.fd, 0);
	fail_until_quiet(consumer.q, SHMEMQ_CONSUMER, consumer.fd);
	act_cancelled(&producer, act_push);
	ck_assert_int_eq(producer.result, 0);
	ck_assert(raised(consumer.fd, 0));
	act_cancelled(&consumer, act_pop);
	ck_assert_int_eq(consumer.result, CALL_BYTES);
	act_cancelled(&consumer, act_pop);
	ck_assert(consumer.result == -1 && consumer.err == EAGAIN);
	act_cancelled(&producer, act_close);
	ck_assert_int_eq(producer.result, 0);
	act_cancelled(&consumer, act_close);
	ck_assert_int_eq(consumer.result, 0);
	ck_assert(!file_exists(producer.name));
	ck_assert_uint_eq(file_descriptors(), descriptors);
}

TEST(calls_by_descriptor_are_none)
{
	unsigned descriptors = file_descriptors();
	struct job job = { .name = test_name() };

	act_cancelled(&job, act_memfd);
	ck_assert_int_ge(job.fd, 0);
	act_cancelled(&job, act_fdopen);
	ck_assert(job.q != NULL && close(job.fd) == 0);
	act_cancelled(&job, act_dupfd);
	ck_assert_int_ge(job.fd, 0);
	act_cancelled(&job, act_close);
	ck_assert_int_eq(job.result, 0);
	close(job.fd);
	ck_assert_int_eq(shmemq_close(test_open(job.name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1)), 0);
	act_cancelled(&job, act_unlink);
	ck_assert_int_eq(job.result, 0);
	ck_assert_uint_eq(file_descriptors(), descriptors);
}

static void act_call(struct job *job)
{
	job->result = job->call->run(job->q, CALL_BYTES, -1);
}

/* Cancels a thread that is in the act, waits for longer than a slice, and lets the act end by `let`. */
static void cancel_in(struct job *job, void (*let)(struct job *job))
{
	pthread_t thread;
	void *end;

	ck_assert_int_eq(pthread_create(&thread, NULL, do_job, job), 0);
	while (!job->ready)
		test_sleep(MS);
	test_sleep(20 * MS); /* so that it waits, most often */
	ck_assert_int_eq(pthread_cancel(thread), 0);
	test_sleep(300 * MS);
	let(job);
	ck_assert_int_eq(pthread_join(thread, &end), 0);
	ck_assert(end == PTHREAD_CANCELED && job->returned);
}

static struct ends ends;

static void let_call(struct job *job)
{
	ends_unblock(job->call, &ends);
}

/* A thread that waits in a call is not cancelled before the call has returned. */
TEST(a_blocked_call_goes_on)
{
	struct job job = { .act = act_call, .call = &calls[_i] };
	unsigned descriptors;

	ends = ends_waiting(job.call, 0);
	job.q = ends.own;
	descriptors = file_descriptors();
	cancel_in(&job, let_call);
	ck_assert_int_eq(job.result, 0);
	ck_assert_uint_eq(file_descriptors(), descriptors);
	ends_close(&ends);
}

static void act_wait_peer(struct job *job)
{
	job->result = shmemq_wait_peer(job->q, -1);
}

static void let_wait_peer(struct job *job)
{
	ck_assert_int_eq(shmemq_close(test_open(job->name, SHMEMQ_CONSUMER, 0)), 0);
	shmemq_interrupt(job->q); /* if it has not seen that one before it closed */
}

TEST(a_wait_for_a_peer_goes_on)
{
	struct job job = { .act = act_wait_peer, .name = test_name() };

	job.q = test_open(job.name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	cancel_in(&job, let_wait_peer);
	ck_assert(job.result == 0 || job.err == ECANCELED);
	ck_assert_int_eq(shmemq_close(job.q), 0);
}

static void let_open(struct job *job)
{
	close(job->fd);
}

/* While another process has the init lock. */
TEST(a_blocked_open_goes_on)
{
	struct job job = { .act = act_open, .name = test_name() };
	struct shmemq *producer = test_open(job.name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	unsigned descriptors = file_descriptors();

	job.fd = file_lock(job.name, SMQ_LOCK_INIT, 1);
	cancel_in(&job, let_open);
	ck_assert_ptr_nonnull(job.q);
	ck_assert_int_eq(shmemq_close(job.q), 0);
	ck_assert_uint_eq(file_descriptors(), descriptors);
	ck_assert_int_eq(shmemq_close(producer), 0);
}

const struct suite suite = {
	.name = "api/cancel",
	.seconds = 120,
	.needs = NEEDS_CANCELLATION,
	.tests = {
		{ calls_are_no_cancellation_points, 1, NEEDS_POLLFD },
		{ calls_by_descriptor_are_none, 1, NEEDS_PROC },
		{ a_blocked_call_goes_on, CALLS, 0 },
		{ a_wait_for_a_peer_goes_on, 1, 0 },
		{ a_blocked_open_goes_on, 1, 0 },
	},
};
