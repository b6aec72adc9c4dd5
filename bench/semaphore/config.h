/* SPDX-License-Identifier: MIT */
/* Found before the real one by the objects of the library that waits on semaphores. */
#include <config.h>

#undef SMQ_USE_FUTEX
