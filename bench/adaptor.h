/* SPDX-License-Identifier: MIT */
/*
 * For an adaptor: one file of C++17, outside of this tree, which makes a contender of a queue that is a header alone.
 *
 *	make bench BENCH_ADAPTORS="/path/one.cc /path/other.cc"
 *
 * compiles each with the measuring loops in it, so that the queue's calls are inlined in them as those of the other
 * contenders are, and measures it beside those. An adaptor of a queue of slots, in a header beside it:
 *
 *	#include "queue.h"              // before adaptor.h, which defines macros
 *	#include "adaptor.h"
 *	#include <new>
 *
 *	static bool create(struct channel *channel)             // channel->capacity and size say how large it may be
 *	{
 *		if (!channel_map(channel, sizeof(queue)))       // memory that both sides share: channel->shared
 *			return false;
 *		new (channel->shared) queue;
 *		return true;
 *	}
 *	static inline void send_message(struct channel *channel, const void *message, size_t size)
 *	{
 *		auto q = static_cast<queue *>(channel->shared);
 *		void *to;
 *		while ((to = q->begin_push(size)) == nullptr)
 *			relax(channel);                         // pauses, or yields if both sides have one processor
 *		copy_message(to, message, size);
 *		q->end_push();
 *	}
 *	static inline const void *receive_message(struct channel *channel, size_t *size)  // waits, too
 *	static inline void release_message(struct channel *channel)                       // the message has been read
 *
 *	#include "loops.h"
 *	ADAPTOR("queue", CAN(THROUGHPUT) | CAN(ROUND_TRIP) | CAN(ONE_CPU), 8, 4096, create)
 *
 * ADAPTOR() has the name to show, the cases (enum kind) that it is for, the least and the greatest message in bytes
 * (0 = any), and create(). A queue whose capacity is a template's argument should have 1 MiB, and leave CAPACITY out.
 * loops.h and contender.h say more of the functions; struct channel has members for the contender's own use.
 */
#ifndef BENCH_ADAPTOR_H
#define BENCH_ADAPTOR_H

#include "contender.h"

#define ADAPTOR(name, can, size_min, size_max, create)                                                \
	extern "C" __attribute__((visibility("default")))                                             \
	const struct contender bench_adaptor = { name,    can,           size_min, size_max, create,  \
						 NULL,    channel_unmap, NULL,     NULL,     produce, \
						 consume, ping,          pong,     NULL,     0 };

#endif
