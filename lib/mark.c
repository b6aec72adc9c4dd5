/* SPDX-License-Identifier: MIT */
/* The call that sets a mark. */
#include "config.h"

#include "call.h"
#include "marks.h"

int shmemq_mark(struct shmemq *q, uint64_t mark)
{
	const uint32_t roles = SHMEMQ_PRODUCER | SHMEMQ_CONSUMER;

	if (!smq_in_process(q) || !(q->state & roles) || q->state & SMQ_BROKEN || !smq_marks_allowed(q))
		return smq_refuse(q, roles);
	smq_marks_draft(q, mark);
	return 0;
}
