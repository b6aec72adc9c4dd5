/* SPDX-License-Identifier: MIT */
/* Code that the contenders share which are a pair of descriptors. */
#ifndef BENCH_DESCRIPTORS_H
#define BENCH_DESCRIPTORS_H

#include "contender.h"

void descriptors_destroy(struct channel *channel);
void descriptors_open(struct channel *channel, enum side side);

#define DESCRIPTORS .destroy = descriptors_destroy, .open = descriptors_open

#endif
