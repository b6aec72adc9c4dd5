/* SPDX-License-Identifier: MIT */
/* What exists once in a process: the fork generation, the registration with membarrier; and a thread's processors. */
#ifndef SMQ_PROCESS_H
#define SMQ_PROCESS_H

#include <stdbool.h>

#include "format.h"

/*
 * A word that holds the process's generation, never 0. In a child it reads 0 after the fork, until the child calls this
 * function itself and gets a new generation. A handle keeps the generation in which it was made, so one load tells
 * whether it belongs to this process. NULL and errno: ENOMEM, or EINVAL on a kernel before 4.14.
 */
const smq_word *smq_process_generation(void);

/* Forks of this process so far, as far as libc knows. */
uint32_t smq_process_forks(void);

/* The inode of this process's pid namespace; 0: not known. After smq_process_generation(). */
uint32_t smq_process_pid_namespace(void);

/* Has the process with this pid, above 0, in this process's namespace ended? A zombie has. false: not, or not known. */
bool smq_process_ended(int32_t pid);

/* Registers this process's threads as targets of smq_process_membarrier(). false: the kernel cannot. */
bool smq_process_register(void);

/* A full barrier on every processor that runs a thread of a registered process. false: the kernel cannot. */
bool smq_process_membarrier(void);

/* May the calling thread run on more than one processor? If not, spinning may only delay a peer on the same one. */
bool smq_process_parallel(void);

#endif
