/* SPDX-License-Identifier: MIT */
/* What is one a process: the fork generation, the registration with membarrier, the processors it may use. */
#ifndef SMQ_PROCESS_H
#define SMQ_PROCESS_H

#include <stdbool.h>

#include "format.h"

/*
 * A word that holds the process's generation, never 0, and reads 0 in a child after a fork until that child
 * calls this itself (it then gets a new one). A handle keeps the generation it was made in; one load tells
 * whether it still lives there. NULL: errno (ENOMEM, or EINVAL on a kernel before 4.14).
 */
const smq_word *smq_process_generation(void);

/* Forks of this process so far, as libc knows of them. */
uint32_t smq_process_forks(void);

/* Registers this process's threads as targets of smq_process_membarrier(); false where the kernel cannot. */
bool smq_process_register(void);

/* A full barrier on every processor that runs a thread of a registered process; false where the kernel cannot. */
bool smq_process_membarrier(void);

/* May this process run on more than one processor? If not, spinning may only keep the peer from running. */
bool smq_process_parallel(void);

#endif
