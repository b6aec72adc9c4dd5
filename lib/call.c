/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "call.h"

int smq_refuse(const struct shmemq *q, uint32_t roles)
{
	if (q == NULL)
		return smq_fail(EINVAL);
	if (!smq_in_process(q))
		return smq_fail(EPERM);
	if (!(q->state & roles))
		return smq_fail(EBADF);
	return smq_fail(q->state & SMQ_BROKEN ? EBADMSG : EINVAL);
}
