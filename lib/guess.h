/* SPDX-License-Identifier: MIT */
/* A queue that may grow, on a SHARED end without the owner lock: is a call worth it? */
#ifndef SMQ_GUESS_H
#define SMQ_GUESS_H

#include "handle.h"

/* As smq_ring_guess(). `patient`: see smq_extent_is_worth_a_try(). */
bool smq_extension_guess(const struct shmemq *q, uint32_t need, bool patient);

#endif
