/* SPDX-License-Identifier: MIT */
/* What /proc tells of a process. */
#ifndef TOOLS_HOLDER_H
#define TOOLS_HOLDER_H

#include <stdint.h>

/*
 * The name of the process as printable() text, and in brackets its state unless it is an ordinary one: "worker
 * (stopped)". NULL: there is none, or no /proc. The caller frees it.
 */
char *process_describe(uint32_t pid);

#endif
