/* SPDX-License-Identifier: MIT */
/* /proc/self/fd/N: a path by which the file that descriptor N has open can be opened, linked or watched again. */
#ifndef SMQ_FDPATH_H
#define SMQ_FDPATH_H

#include <stdio.h>

#define SMQ_FDPATH_BYTES (sizeof "/proc/self/fd/" + 3 * sizeof(int))

static inline void smq_fdpath(int fd, char path[SMQ_FDPATH_BYTES])
{
	snprintf(path, SMQ_FDPATH_BYTES, "/proc/self/fd/%d", fd);
}

#endif
