/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "armed_end.h"
#include "endlock.h"
#include "one_end.h"
#include "polling.h"
#include "support.h"

#define LATE_MS 200 /* a lock of the dead goes that much later than the kernel tells of the death */

#if defined __GLIBC__ && defined __USE_FILE_OFFSET64
#define real_fallocate __real_fallocate64
#define wrap_fallocate __wrap_fallocate64
#else
#define real_fallocate __real_fallocate
#define wrap_fallocate __wrap_fallocate
#endif
int real_fallocate(int file, int mode, off_t offset, off_t bytes);
int wrap_fallocate(int file, int mode, off_t offset, off_t bytes);
bool __real_smq_pollable_clear(struct smq_pollable *pollable);
bool __wrap_smq_pollable_clear(struct smq_pollable *pollable);
bool __real_smq_endlock_held(int file, bool producer);
bool __wrap_smq_endlock_held(int file, bool producer);
bool __real_smq_endlock_number_held(int file, bool producer, uint32_t number);
bool __wrap_smq_endlock_number_held(int file, bool producer, uint32_t number);
bool __real_smq_process_membarrier(void);
bool __wrap_smq_process_membarrier(void);

unsigned signals;
struct action next_clear;
unsigned membarriers;
static int64_t late; /* until then the locks of the dead are still there */

int wrap_fallocate(int file, int mode, off_t offset, off_t bytes)
{
	if (signals == 0)
		return real_fallocate(file, mode, offset, bytes);
	signals--;
	errno = EINTR;
	return -1;
}

bool __wrap_smq_pollable_clear(struct smq_pollable *pollable)
{
	bool lost;
	struct action action = next_clear;

	next_clear = (struct action){ 0 };
	if (action.before != NULL)
		action.before();
	lost = __real_smq_pollable_clear(pollable);
	if (action.after != NULL)
		action.after();
	return lost;
}

bool __wrap_smq_endlock_held(int file, bool producer)
{
	return locks_are_late() || __real_smq_endlock_held(file, producer);
}

bool __wrap_smq_endlock_number_held(int file, bool producer, uint32_t number)
{
	return locks_are_late() || __real_smq_endlock_number_held(file, producer, number);
}

bool __wrap_smq_process_membarrier(void)
{
	membarriers++;
	return __real_smq_process_membarrier();
}

void locks_go_late(void)
{
	late = test_now() + LATE_MS * MS;
}

bool locks_are_late(void)
{
	return test_now() < late;
}

const char *name;
struct shmemq *own, *peer;
unsigned end;
int fd;

int try(void)
{
	return end_try(own, end) < 0 ? errno : 0;
}

void open_peer(void)
{
	peer = test_open(name, other_end(end), 0);
}

void close_peer(void)
{
	ck_assert_int_eq(shmemq_close(peer), 0);
	peer = NULL;
}

void unblock(void)
{
	ck_assert_int_ge(end_try(peer, other_end(end)), 0);
}

void open_ends(unsigned of, unsigned flags)
{
	end = of;
	name = test_name();
	own = test_open(name, end | flags | SHMEMQ_CREATE, 1);
	fd = shmemq_pollfd(own);
	ck_assert_int_ge(fd, 0);
	open_peer();
	if (end == SHMEMQ_PRODUCER)
		while (try() == 0)
			;
	own->pollable->peer.since = own->pollable->owner.since = 0;
	while (raised(fd, 10))
		ck_assert_int_eq(try(), EAGAIN);
}

void close_ends(void)
{
	if (peer != NULL)
		close_peer();
	ck_assert_int_eq(shmemq_close(own), 0);
}

void await_death(void)
{
	int err;

	while ((err = try()) == EAGAIN)
		await_raised(fd);
	ck_assert_int_eq(err, EOWNERDEAD);
}
