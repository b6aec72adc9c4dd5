/* SPDX-License-Identifier: MIT */
/*
 * The public header alone, before anything else and without config.h or a feature macro, in C and in C++; and the
 * interface as it was promised: if a declaration changes, or a structure grows, this does not compile. header.sh
 * compiles it.
 */
#include <shmemq.h>

struct shmemq *(*open_)(const char *, unsigned, mode_t, const struct shmemq_attr *) = shmemq_open;
int (*close_)(struct shmemq *) = shmemq_close;
int (*unlink_)(const char *) = shmemq_unlink;
int (*memfd)(const struct shmemq_attr *) = shmemq_memfd;
struct shmemq *(*fdopen_)(int, unsigned) = shmemq_fdopen;
int (*dupfd)(struct shmemq *) = shmemq_dupfd;
int (*mapping)(struct shmemq *, struct iovec *) = shmemq_mapping;
int (*push)(struct shmemq *, const void *, size_t, uint32_t) = shmemq_push;
int (*timedpush)(struct shmemq *, const void *, size_t, uint32_t, int64_t) = shmemq_timedpush;
int (*pushv)(struct shmemq *, const struct iovec *, int, uint32_t) = shmemq_pushv;
int (*timedpushv)(struct shmemq *, const struct iovec *, int, uint32_t, int64_t) = shmemq_timedpushv;
void *(*push_start)(struct shmemq *, size_t) = shmemq_push_start;
void *(*timedpush_start)(struct shmemq *, size_t, int64_t) = shmemq_timedpush_start;
int (*push_end)(struct shmemq *, size_t, uint32_t) = shmemq_push_end;
int (*push_cancel)(struct shmemq *) = shmemq_push_cancel;
ssize_t (*pop)(struct shmemq *, void *, size_t, uint32_t *) = shmemq_pop;
ssize_t (*timedpop)(struct shmemq *, void *, size_t, uint32_t *, int64_t) = shmemq_timedpop;
const void *(*pop_start)(struct shmemq *, size_t *, uint32_t *) = shmemq_pop_start;
const void *(*timedpop_start)(struct shmemq *, size_t *, uint32_t *, int64_t) = shmemq_timedpop_start;
int (*pop_end)(struct shmemq *) = shmemq_pop_end;
int (*redelivered)(struct shmemq *) = shmemq_redelivered;
int (*pushm)(struct shmemq *, const struct shmemq_msg *, unsigned, int64_t) = shmemq_pushm;
int (*popm_start)(struct shmemq *, struct shmemq_msg *, unsigned, int64_t) = shmemq_popm_start;
int (*popm_more)(struct shmemq *, struct shmemq_msg *, unsigned, int64_t) = shmemq_popm_more;
int (*popm_end)(struct shmemq *, unsigned) = shmemq_popm_end;
int (*mark)(struct shmemq *, uint64_t) = shmemq_mark;
int (*pollfd_)(struct shmemq *) = shmemq_pollfd;
int (*interrupt)(struct shmemq *) = shmemq_interrupt;
struct shmemq_set *(*set_open)(void) = shmemq_set_open;
int (*set_add)(struct shmemq_set *, struct shmemq *, void *) = shmemq_set_add;
int (*set_remove)(struct shmemq_set *, struct shmemq *) = shmemq_set_remove;
int (*set_wait)(struct shmemq_set *, void **, int, int64_t) = shmemq_set_wait;
int (*set_fd)(struct shmemq_set *) = shmemq_set_fd;
int (*set_close)(struct shmemq_set *) = shmemq_set_close;
int (*wait_empty)(struct shmemq *, int64_t) = shmemq_wait_empty;
int (*wait_peer)(struct shmemq *, int64_t) = shmemq_wait_peer;
int64_t (*deadline)(int64_t) = shmemq_deadline;
int64_t (*left)(int64_t) = shmemq_left;
int (*getattr)(struct shmemq *, struct shmemq_attr *) = shmemq_getattr;
int (*stat_)(struct shmemq *, struct shmemq_stat *) = shmemq_stat;
const char *(*version)(void) = shmemq_version;

/* The size is negative if the condition does not hold. */
#define HOLDS(name, condition) typedef char name[(condition) ? 1 : -1]

HOLDS(attr_bytes, sizeof(struct shmemq_attr) == 144);
HOLDS(attr_fields, offsetof(struct shmemq_attr, message_max) == 16 && offsetof(struct shmemq_attr, alignment) == 28 &&
			   offsetof(struct shmemq_attr, flags) == 32 && offsetof(struct shmemq_attr, id) == 72 &&
			   offsetof(struct shmemq_attr, user) == 80);
HOLDS(msg_bytes, sizeof(struct shmemq_msg) == 2 * sizeof(void *) + 8);
HOLDS(msg_fields, offsetof(struct shmemq_msg, size) == sizeof(void *) &&
			  offsetof(struct shmemq_msg, type) == 2 * sizeof(void *) &&
			  offsetof(struct shmemq_msg, flags) == 2 * sizeof(void *) + 4);
HOLDS(stat_bytes, sizeof(struct shmemq_stat) == 256);
HOLDS(stat_fields,
      offsetof(struct shmemq_stat, lag_messages) == 96 && offsetof(struct shmemq_stat, producer_mark) == 112 &&
	      offsetof(struct shmemq_stat, producer) == 144 && offsetof(struct shmemq_stat, slowest_pid) == 172 &&
	      offsetof(struct shmemq_stat, consumer_slept) == 196);
HOLDS(open_flags, SHMEMQ_PRODUCER == 1 && SHMEMQ_CONSUMER == 2 && SHMEMQ_OBSERVER == 4 && SHMEMQ_CREATE == 16 &&
			  SHMEMQ_EXCL == 32 && SHMEMQ_NONBLOCK == 64 && SHMEMQ_STAY == 128 && SHMEMQ_SHARED == 256 &&
			  SHMEMQ_PREFAULT == 512 && SHMEMQ_NOSPIN == 1024 && SHMEMQ_FOLLOWER == 8);
HOLDS(msg_bits, SHMEMQ_MSG_REDELIVERED == 1);
HOLDS(attr_bits, SHMEMQ_ATTR_TEMPORARY == 1 && SHMEMQ_ATTR_BROADCAST == 2);
HOLDS(seek_values, SHMEMQ_NEWEST == 0 && SHMEMQ_QUEUED == 1 && SHMEMQ_OLDEST == 2);
HOLDS(end_states, SHMEMQ_END_NEVER == 0 && SHMEMQ_END_OPEN == 1 && SHMEMQ_END_CLOSED == 2 && SHMEMQ_END_DEAD == 3);
HOLDS(wait_bits, SHMEMQ_WAIT_PRODUCER == 1 && SHMEMQ_WAIT_CONSUMER == 2);

int main(void)
{
	return 0;
}
