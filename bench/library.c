/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "library.h"

#include <dlfcn.h>
#include <errno.h>

static const struct library linked = {
#define LINKED(name) .name = shmemq_##name,
	LIBRARY_CALLS(LINKED)
};

static bool create(struct channel *channel, const struct library *library)
{
	const struct shmemq_attr attr = { .capacity = channel->capacity,
					  .flags = channel->readers != 0 ? SHMEMQ_ATTR_BROADCAST : 0 };
	struct shmemq *q;

	channel->library = library;
	q = library->open(channel->name, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, &attr);
	return q != NULL && library->close(q) == 0;
}

bool library_create(struct channel *channel)
{
	return create(channel, &linked);
}

/* dlsym() returns a pointer to data, from which POSIX allows a pointer to a function to be made. */
#define FIND(name) *(void **)&library.name = dlsym(module, "shmemq_" #name);

/* The library is loaded, not linked, because it has the same symbols as the one under test. */
bool library_create_semaphores(struct channel *channel)
{
	static struct library library;
	void *module;

	if (library.open == NULL) {
		module = dlopen(BENCH_SEMAPHORES, RTLD_NOW | RTLD_LOCAL);
		if (module == NULL) {
			errno = ENOENT;
			return false;
		}
		LIBRARY_CALLS(FIND)
	}
	return create(channel, &library);
}

void library_unlink(struct channel *channel)
{
	channel->library->unlink(channel->name);
}

static void open_with(struct channel *channel, enum side side, unsigned flags)
{
	unsigned shared = channel->many_producers ? SHMEMQ_SHARED : 0;

	flags |= side == CONSUMER ? SHMEMQ_CONSUMER : side == FOLLOWER ? SHMEMQ_FOLLOWER : SHMEMQ_PRODUCER | shared;
	flags |= channel->at_once ? SHMEMQ_NOSPIN : 0;
	channel->handle = channel->library->open(channel->name, flags, 0, NULL);
	if (channel->handle == NULL)
		die("shmemq_open");
	channel_allocate_buffer(channel);
}

void library_open(struct channel *channel, enum side side)
{
	open_with(channel, side, 0);
}

void library_open_prefault(struct channel *channel, enum side side)
{
	open_with(channel, side, SHMEMQ_PREFAULT);
}

void library_close(struct channel *channel, enum side side)
{
	(void)side;
	channel->library->close(channel->handle);
}
