/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "watchset.h"

#include <errno.h>
#include <search.h>
#include <stddef.h>
#include <sys/inotify.h>

#include "clock.h"
#include "process.h"

#define MEMBER_OF(link, field) ((struct smq_member *)(void *)((char *)(link)-offsetof(struct smq_member, field)))

static void start(struct smq_link *link)
{
	link->next = link->previous = link;
}

static bool is_alone(const struct smq_link *link)
{
	return link->next == link;
}

static void unlink_from(struct smq_link *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
	start(link);
}

static void append(struct smq_link *head, struct smq_link *link)
{
	link->previous = head->previous;
	link->next = head;
	head->previous->next = link;
	head->previous = link;
}

static int compare(const void *left, const void *right)
{
	int a = ((const struct smq_member *)left)->watch, b = ((const struct smq_member *)right)->watch;

	return (a > b) - (a < b);
}

static struct smq_member *find(struct smq_watchset *set, int watch)
{
	const struct smq_member wanted = { .watch = watch };
	struct smq_member *const *found = tfind(&wanted, &set->watches, compare);

	return found != NULL ? *found : NULL;
}

/* Puts the member into the tree, by its watch. false: no memory. */
static bool enter(struct smq_watchset *set, struct smq_member *member)
{
	struct smq_member **found = tsearch(member, &set->watches, compare);

	if (found == NULL)
		return false;
	if (*found != member) {
		member->same = (*found)->same;
		(*found)->same = member;
	}
	return true;
}

/* Takes it out, if it is there; and ends the watch, unless another member has the same. */
static void leave(struct smq_watchset *set, struct smq_member *member)
{
	struct smq_member *first = member->watch >= 0 ? find(set, member->watch) : NULL, *at = first;

	if (first == member && member->same == NULL) {
		tdelete(member, &set->watches, compare);
		if (smq_watchset_in_process(set))
			smq_pollfds_unwatch(&set->fds, member->watch);
	} else if (first == member) {
		/* The next one stands for this watch, in the same node of the tree. */
		*(struct smq_member **)tfind(member, &set->watches, compare) = member->same;
	} else if (first != NULL) {
		while (at->same != NULL && at->same != member)
			at = at->same;
		if (at->same == member)
			at->same = member->same;
	}
	member->same = NULL;
	member->watch = -1;
}

static void make_ready(struct smq_member *member)
{
	if (is_alone(&member->ready))
		append(&member->set->ready, &member->ready);
	if (member->set->polled)
		smq_pollfds_raise_at(&member->set->fds, SMQ_AT_ONCE);
}

static void forget_time(struct smq_member *member)
{
	unlink_from(&member->timed);
	member->raise_at = 0;
}

int smq_watchset_open(struct smq_watchset *set)
{
	const smq_word *generation_now = smq_process_generation();

	if (generation_now == NULL)
		return errno;
	*set = (struct smq_watchset){ .generation_now = generation_now, .generation = smq_load(generation_now) };
	start(&set->all);
	start(&set->ready);
	start(&set->timed);
	return smq_pollfds_open(&set->fds);
}

void smq_watchset_close(struct smq_watchset *set)
{
	while (!is_alone(&set->all))
		smq_watchset_remove(MEMBER_OF(set->all.next, all));
	smq_pollfds_close(&set->fds);
}

/* Adds the watch of a member that has none. 0 or errno. */
static int add_watch(struct smq_member *member, int fd)
{
	struct smq_watchset *set = member->set;

	member->watch = smq_pollfds_watch(&set->fds, fd, member->producer);
	if (member->watch < 0)
		return smq_pollfds_error();
	if (enter(set, member))
		return 0;
	if (find(set, member->watch) == NULL)
		smq_pollfds_unwatch(&set->fds, member->watch);
	member->watch = -1;
	return ENOMEM;
}

int smq_watchset_add(struct smq_watchset *set, struct smq_member *member, int fd, bool producer, void *cookie)
{
	int err;

	*member = (struct smq_member){ .watch = -1, .set = set, .cookie = cookie, .producer = producer };
	start(&member->ready);
	start(&member->timed);
	err = add_watch(member, fd);
	if (err != 0) {
		member->set = NULL;
		return err;
	}
	append(&set->all, &member->all);
	/* The first try finds what happened before the watch was added. */
	make_ready(member);
	return 0;
}

void smq_watchset_remove(struct smq_member *member)
{
	leave(member->set, member);
	unlink_from(&member->all);
	unlink_from(&member->ready);
	forget_time(member);
	member->set = NULL;
}

bool smq_watchset_clear(struct smq_member *member, bool *closed)
{
	*closed = member->closed;
	member->closed = false;
	unlink_from(&member->ready);
	return member->watch < 0;
}

void smq_watchset_watch(struct smq_member *member, int fd)
{
	if (add_watch(member, fd) != 0)
		smq_watchset_raise_at(member, smq_now_ns() + SMQ_UNWATCHED_NS);
}

void smq_watchset_raise_at(struct smq_member *member, int64_t when)
{
	struct smq_watchset *set = member->set;

	if (when == SMQ_AT_ONCE) {
		make_ready(member);
		return;
	}
	if (member->raise_at != 0 && member->raise_at <= when)
		return;
	if (member->raise_at == 0)
		append(&set->timed, &member->timed);
	member->raise_at = when;
	smq_pollfds_raise_at(&set->fds, when);
}

/* A report of inotify. It is for the members of the end that the peer has raised; a close or a death is for both. */
static void report(void *context, int watch, uint32_t mask)
{
	struct smq_watchset *set = context;
	struct smq_member *member = find(set, watch), *same;

	/* Reports have been lost: anything may have happened to each member. */
	if (mask & IN_Q_OVERFLOW) {
		for (struct smq_link *link = set->all.next; link != &set->all; link = link->next) {
			MEMBER_OF(link, all)->closed = true;
			make_ready(MEMBER_OF(link, all));
		}
		return;
	}
	/* NULL: it came before the member was removed. */
	if (mask & IN_IGNORED && member != NULL)
		tdelete(member, &set->watches, compare);
	for (; member != NULL; member = same) {
		same = member->same;
		if (mask & IN_IGNORED) {
			member->watch = -1;
			member->same = NULL;
		}
		member->closed |= (mask & IN_CLOSE_WRITE) != 0;
		if (mask & ~(member->producer ? (uint32_t)IN_MODIFY : (uint32_t)IN_ACCESS))
			make_ready(member);
	}
}

/* The timer has expired: makes the members ready whose time has come, and sets it for the others. */
static void look_at_times(struct smq_watchset *set)
{
	int64_t now = smq_now_ns(), next = INT64_MAX;

	for (struct smq_link *link = set->timed.next, *after; link != &set->timed; link = after) {
		struct smq_member *member = MEMBER_OF(link, timed);

		after = link->next;
		if (member->raise_at <= now) {
			forget_time(member);
			make_ready(member);
		} else if (member->raise_at < next) {
			next = member->raise_at;
		}
	}
	if (next != INT64_MAX)
		smq_pollfds_raise_at(&set->fds, next);
}

int smq_watchset_collect(struct smq_watchset *set, void **cookies, int max)
{
	const struct smq_member *first = NULL;
	int count = 0;

	if (smq_pollfds_read(&set->fds, report, set))
		look_at_times(set);
	for (; count < max && !is_alone(&set->ready); count++) {
		struct smq_member *member = MEMBER_OF(set->ready.next, ready);

		if (member == first)
			break;
		if (first == NULL)
			first = member;
		cookies[count] = member->cookie;
		/* Still ready, but the others come first. */
		unlink_from(&member->ready);
		append(&set->ready, &member->ready);
	}
	if (set->polled && !is_alone(&set->ready))
		smq_pollfds_raise_at(&set->fds, SMQ_AT_ONCE);
	return count;
}
