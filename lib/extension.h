/* SPDX-License-Identifier: MIT */
/*
 * A queue that may grow: in which of its two rings an end is, and when it goes to the other one (jump.h tells how).
 *
 * The ring that the end is in is `ring` of the handle, the other one `more->other`. So no frequent case knows of the
 * extension. A jump is no message size, so a consumer that comes to one looks here; a producer does when the ring seems
 * full, and, while it is in the extension, each time that it has filled a 64th of the ring's size.
 *
 * All of these with the owner lock, if the end is SHARED. guess.h: without.
 */
#ifndef SMQ_EXTENSION_H
#define SMQ_EXTENSION_H

#include "extent.h"

/* Sets what is constant. `records`: of the ring; an observer's is NULL. */
void smq_extension_init(struct shmemq *q, const struct smq_identity *identity, void *records);

/* Attaches to both rings as the end's new holder, and finishes what the last one left undone. */
enum smq_ring_status smq_extension_attach(struct shmemq *q);

/* For a SHARED end that other handles use already: as smq_ring_attach_shared() and smq_ring_resume(). */
void smq_extension_attach_shared(struct shmemq *q);
enum smq_ring_status smq_extension_resume(struct shmemq *q);

/*
 * Producer: is there space for a record of `need` units in either ring? Then the end is now in that one. `patient`: the
 * call waits. `*switched`: the end has gone to the other ring, whatever was found there.
 */
enum smq_ring_status smq_extension_space(struct shmemq *q, uint32_t need, bool patient, bool *switched);

/* Consumer: is there a message, here or where jumps lead? Likewise. */
enum smq_ring_status smq_extension_peek(struct shmemq *q, uint32_t *size, bool *switched);

/* After smq_ring_announce(): no record fits beyond what is reserved, nor for long before the ring is looked at. */
void smq_extension_narrow(struct shmemq *q, uint32_t need);

#endif
