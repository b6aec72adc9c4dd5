/* SPDX-License-Identifier: MIT */
/*
 * Probes for tracers (USDT), of the provider "shmemq": shmemq(7) lists them. Each is one nop, and a note in the file
 * that says where it stands and where its arguments are at that moment. A tracer that wants it writes a breakpoint
 * there. None stands where a message goes by; each stands where a call waits, wakes, reserves memory or finds a death.
 *
 * The arguments are computed whether a tracer listens or not: so they are what the function has at hand. They are of
 * type unsigned long or uint32_t, since the notes cannot name the pair of registers that has 64 bits on a 32-bit
 * machine.
 */
#ifndef SMQ_PROBE_H
#define SMQ_PROBE_H

/* What the probe "sleep" says that a call waits for. Tracers' scripts know the numbers. */
#define SMQ_PROBED_MESSAGE 0
#define SMQ_PROBED_EMPTY   1
#define SMQ_PROBED_PEER    2
#define SMQ_PROBED_LOCK    3 /* the owner lock */

#ifdef SMQ_USDT
#define SDT_USE_VARIADIC
#include <sys/sdt.h>

#define SMQ_PROBES           1
#define SMQ_PROBE(name, ...) STAP_PROBEV(shmemq, name, __VA_ARGS__)
#else
/* For conditions that are there for a probe alone. */
#define SMQ_PROBES           0
#define SMQ_PROBE(name, ...) ((void)0)
#endif

#endif
