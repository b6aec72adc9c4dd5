/* SPDX-License-Identifier: MIT */
/* The library that waits on semaphores is compiled with this file in place of the config.h that it includes. */
#include <config.h>

#undef SMQ_USE_FUTEX
