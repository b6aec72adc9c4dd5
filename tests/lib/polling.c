/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "file.h"
#include "one_end.h"
#include "polling.h"
#include "support.h"

bool raised(int fd, int ms)
{
	struct pollfd poll_one = { .fd = fd, .events = POLLIN };

	return poll(&poll_one, 1, ms) == 1;
}

void await_raised(int fd)
{
	ck_assert(raised(fd, SOON_MS));
}

void fail_until_quiet(struct shmemq *q, unsigned end, int fd)
{
	/* Longer than between two rechecks of a peer or holder. */
	while (raised(fd, 700))
		ck_fails(end_try(q, end), EAGAIN);
}

bool kernel_ends_watches(void)
{
	struct inotify_event event;
	char first[300], second[300];
	int file, other, inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	bool ended = false;

	snprintf(first, sizeof first, "%s", file_path(test_name()));
	snprintf(second, sizeof second, "%s", file_path(test_name()));
	file = open(first, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_ge(inotify_add_watch(inotify, first, IN_MODIFY), 0);
	ck_assert_int_eq(link(first, second), 0);
	other = open(second, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(unlink(first) | unlink(second) | close(other), 0);
	while (read(inotify, &event, sizeof event) == sizeof event)
		ended |= (event.mask & IN_IGNORED) != 0;
	close(file);
	close(inotify);
	if (!ended)
		printf("skipped: this kernel ends no watch of a file that is open\n");
	return ended;
}
