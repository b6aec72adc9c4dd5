/* SPDX-License-Identifier: MIT */
/* After a fork a handle, its claim, and what it holds of the ring are the parent's. */
#include "config.h"

#include <signal.h>

#include "child.h"
#include "file.h"
#include "suite.h"

/* A parent's handles, a message that it holds, and a reservation. */
struct inherited {
	const char *name;
	struct shmemq *producer, *consumer, *observer;
	const void *held;
	void *reserved;
};

static struct inherited open_all(void)
{
	struct inherited all = { .name = test_name() };
	size_t size;

	all.producer = test_open(all.name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	all.consumer = test_open(all.name, SHMEMQ_CONSUMER, 0);
	all.observer = test_open(all.name, SHMEMQ_OBSERVER, 0);
	ck_assert_int_eq(shmemq_push(all.producer, "mine", 4, 0), 0);
	all.held = shmemq_pop_start(all.consumer, &size, NULL);
	all.reserved = shmemq_push_start(all.producer, 8);
	return all;
}

/* The parent goes on where it was. */
static void close_all(const struct inherited *all)
{
	ck_assert_mem_eq(all->held, "mine", 4);
	ck_assert_int_eq(shmemq_pop_end(all->consumer), 0);
	ck_assert_int_eq(shmemq_push_end(all->producer, 8, 0), 0);
	ck_assert_int_eq(shmemq_close(all->producer), 0);
	ck_assert_int_eq(shmemq_close(all->consumer), 0);
	ck_assert_int_eq(shmemq_close(all->observer), 0);
}

#define IS_EPERM(call)      CHECK((errno = 0, (intptr_t)(call) == -1) && errno == EPERM)
#define IS_EPERM_NULL(call) CHECK((errno = 0, (call) == NULL) && errno == EPERM)

/*
 * The calls that api/errors.c does not test, and wrong arguments: that the handle is not this process's is found first.
 */
static int use_inherited(const void *argument)
{
	const struct inherited *all = argument;
	struct shmemq *const handles[] = { all->producer, all->consumer, all->observer };
	struct shmemq_attr attr;
	struct shmemq_stat st;
	size_t size;

	for (int i = 0; i < 3; i++) {
		IS_EPERM(shmemq_push(handles[i], NULL, 1, 0));
		IS_EPERM(shmemq_pushv(handles[i], NULL, -1, 0));
		IS_EPERM_NULL(shmemq_push_start(handles[i], SIZE_MAX));
		IS_EPERM(shmemq_push_end(handles[i], 8, 0));
		IS_EPERM(shmemq_push_cancel(handles[i]));
		IS_EPERM(shmemq_pop(handles[i], NULL, 1, NULL));
		IS_EPERM_NULL(shmemq_pop_start(handles[i], &size, NULL));
		IS_EPERM_NULL(shmemq_pop_start(handles[i], NULL, NULL));
		IS_EPERM(shmemq_pop_end(handles[i]));
		IS_EPERM(shmemq_redelivered(handles[i]));
		IS_EPERM(shmemq_interrupt(handles[i]));
		IS_EPERM(shmemq_dupfd(handles[i]));
		IS_EPERM(shmemq_mapping(handles[i], NULL));
		IS_EPERM(shmemq_wait_peer(handles[i], -1));
		IS_EPERM(shmemq_wait_empty(handles[i], -1));
		IS_EPERM(shmemq_getattr(handles[i], &attr));
		IS_EPERM(shmemq_getattr(handles[i], NULL));
		IS_EPERM(shmemq_stat(handles[i], &st));
		IS_EPERM(shmemq_stat(handles[i], NULL));
	}
	return 0;
}

TEST(every_call_is_refused)
{
	struct inherited all = open_all();
	struct smq_header *file = file_map(all.name);

	FILE_UNCHANGED(file, child_run(use_inherited, &all));
	file_unmap(file);
	close_all(&all);
}

/* Frees the child's copy of the handle, descriptor included. */
static int close_inherited(const void *argument)
{
	const struct inherited *all = argument;
	unsigned before = file_descriptors();

	CHECK(shmemq_close(all->producer) == 0 && shmemq_close(all->consumer) == 0 && shmemq_close(all->observer) == 0);
	CHECK(file_descriptors() == before - 3);
	return 0;
}

TEST(close_touches_nothing)
{
	struct inherited all = open_all();
	struct smq_header *file = file_map(all.name);
	struct shmemq_stat st;

	FILE_UNCHANGED(file, child_run(close_inherited, &all));
	file_unmap(file);
	ck_assert_int_eq(shmemq_stat(all.observer, &st), 0);
	ck_assert(st.producer == SHMEMQ_END_OPEN && st.consumer == SHMEMQ_END_OPEN);
	ck_fails(shmemq_open(all.name, SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	close_all(&all);
}

/* Of memory that is not mapped the kernel says EFAULT. */
static int touch_what_is_held(const void *argument)
{
	const struct inherited *all = argument;
	int ends[2];

	CHECK(pipe(ends) == 0);
	CHECK(write(ends[1], all->held, 1) == -1 && errno == EFAULT);
	CHECK(write(ends[1], all->reserved, 1) == -1 && errno == EFAULT);
	return 0;
}

TEST(held_messages_are_not_mapped)
{
	struct inherited all = open_all();

	child_run(touch_what_is_held, &all);
	close_all(&all);
}

/* Beside the inherited handle, before and after that is closed. */
static int open_anew(const void *argument)
{
	const struct inherited *all = argument;
	struct shmemq *q;
	char text[8];

	CHECK(shmemq_open(all->name, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == EBUSY);
	CHECK((q = shmemq_open(all->name, SHMEMQ_CONSUMER, 0, NULL)) != NULL);
	CHECK(shmemq_pop(q, text, sizeof text, NULL) == 5 && memcmp(text, "first", 5) == 0);
	IS_EPERM(shmemq_push(all->producer, "no", 2, 0));
	CHECK(shmemq_close(all->producer) == 0);
	CHECK(shmemq_timedpop(q, text, sizeof text, NULL, -1) == 6 && memcmp(text, "second", 6) == 0);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

TEST(child_opens_anew)
{
	struct inherited all = { .name = test_name() };
	struct shmemq_stat st;
	pid_t child;

	all.producer = test_open(all.name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	ck_assert_int_eq(shmemq_push(all.producer, "first", 5, 0), 0);
	child = child_start(open_anew, &all);
	do
		ck_assert_int_eq(shmemq_stat(all.producer, &st), 0);
	while (st.popped_messages == 0);
	ck_assert_int_eq(shmemq_push(all.producer, "second", 6, 0), 0);
	ck_assert_int_eq(test_wait(child), 0);
	ck_assert_int_eq(shmemq_close(all.producer), 0);
}

/* A grandchild's handle is neither its parent's nor its grandparent's. */
static int open_and_fork(const void *name)
{
	struct inherited all = { .name = name };

	CHECK((all.producer = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL)) != NULL);
	CHECK((all.consumer = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL)) != NULL);
	CHECK((all.observer = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL)) != NULL);
	child_run(use_inherited, &all);
	CHECK(shmemq_push(all.producer, "x", 1, 0) == 0);
	return 0;
}

TEST(grandchildren_are_refused)
{
	struct shmemq *q = test_open(test_name(), SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	child_run(open_and_fork, name);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static int sleep_on(const void *argument)
{
	(void)argument;
	return pause();
}

struct survivor {
	const char *name;
	pid_t *pid;
	bool closes;
};

/* Opens an end, forks a child that lives on, and goes: by a close, or without. */
static int fork_and_go(const void *argument)
{
	const struct survivor *survivor = argument;
	struct shmemq *q = shmemq_open(survivor->name, SHMEMQ_PRODUCER, 0, NULL);

	CHECK(q != NULL && shmemq_push(q, "x", 1, 0) == 0);
	*survivor->pid = child_start(sleep_on, NULL);
	CHECK(!survivor->closes || shmemq_close(q) == 0);
	return 0;
}

/* However the parent goes, its claim ends at once, though a child lives that was forked while it was held. */
TEST(claim_ends_with_the_parent)
{
	struct survivor survivor = { test_name(), child_shared(sizeof(pid_t)), _i };
	struct shmemq *consumer = test_open(survivor.name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1), *q;
	struct shmemq_stat st;
	char byte;

	child_run(fork_and_go, &survivor);
	ck_assert_int_eq(kill(*survivor.pid, 0), 0);
	ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
	ck_assert_uint_eq(st.producer, survivor.closes ? SHMEMQ_END_CLOSED : SHMEMQ_END_DEAD);
	ck_assert_int_eq(shmemq_pop(consumer, &byte, 1, NULL), 1);
	ck_fails(shmemq_pop(consumer, &byte, 1, NULL), survivor.closes ? EPIPE : EOWNERDEAD);
	q = shmemq_open(survivor.name, SHMEMQ_PRODUCER, 0, NULL);
	ck_assert_msg(q != NULL, "the next claim: %s", strerror(errno));
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	ck_assert_int_eq(shmemq_unlink(survivor.name), 0);
	ck_assert_int_eq(kill(*survivor.pid, SIGKILL), 0);
}

const struct suite suite = {
	.name = "api/fork",
	.seconds = 60,
	.needs = NEEDS_FORKS_APART,
	.tests = {
		{ every_call_is_refused, 1, 0 },
		{ close_touches_nothing, 1, 0 },
		{ held_messages_are_not_mapped, 1, 0 },
		{ child_opens_anew, 1, 0 },
		{ grandchildren_are_refused, 1, 0 },
		{ claim_ends_with_the_parent, 2, 0 },
	},
};
