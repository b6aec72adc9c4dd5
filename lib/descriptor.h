/* SPDX-License-Identifier: MIT */
/*
 * The library's descriptors, in a program that does not know of them. It may have closed 0 to 2, and write to those
 * numbers all the same. It may close all that it did not open, and then have files of its own under their numbers.
 */
#ifndef SMQ_DESCRIPTOR_H
#define SMQ_DESCRIPTOR_H

#include <stdbool.h>

/* Every new descriptor passes through here. If it is 0 to 2, it gets a higher number. -1 (and errno) stays -1. */
int smq_descriptor_keep(int fd);

/*
 * Marks a queue's file as opened by this handle, and asks whether a number still refers to that. The mark is the file
 * offset, which the library does not use otherwise: so the answer takes one system call, changes nothing of a file that
 * is the program's, and is right even if the program, or another handle, has opened the same queue under this number.
 */
void smq_descriptor_mark(int fd, const void *handle);
bool smq_descriptor_is_marked(int fd, const void *handle);

#endif
