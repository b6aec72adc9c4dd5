/* SPDX-License-Identifier: MIT */
/* Copying of messages. */
#ifndef SMQ_COPY_H
#define SMQ_COPY_H

#include <stdint.h>
#include <string.h>

#define SMQ_SMALL 64u

/* Copies up to SMQ_SMALL bytes by a few moves, some of which may overlap: they cost less than a call of memcpy(). */
static inline void smq_copy_small(unsigned char *to, const unsigned char *from, size_t bytes)
{
	struct {
		uint64_t low, high;
	} first, second, third, last;

	if (bytes >= 8 && bytes <= 16) {
		memcpy(&first, from, 8);
		memcpy(&last, from + bytes - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + bytes - 8, &last, 8);
	} else if (bytes > 32) {
		memcpy(&first, from, 16);
		memcpy(&second, from + 16, 16);
		memcpy(&third, from + bytes - 32, 16);
		memcpy(&last, from + bytes - 16, 16);
		memcpy(to, &first, 16);
		memcpy(to + 16, &second, 16);
		memcpy(to + bytes - 32, &third, 16);
		memcpy(to + bytes - 16, &last, 16);
	} else if (bytes > 16) {
		memcpy(&first, from, 16);
		memcpy(&last, from + bytes - 16, 16);
		memcpy(to, &first, 16);
		memcpy(to + bytes - 16, &last, 16);
	} else if (bytes >= 4) {
		memcpy(&first, from, 4);
		memcpy(&last, from + bytes - 4, 4);
		memcpy(to, &first, 4);
		memcpy(to + bytes - 4, &last, 4);
	} else if (bytes != 0) {
		to[0] = from[0];
		to[bytes / 2] = from[bytes / 2];
		to[bytes - 1] = from[bytes - 1];
	}
}

/* `bytes` may be 0, and the pointers then NULL. */
static inline void smq_copy(unsigned char *to, const unsigned char *from, size_t bytes)
{
	if (bytes <= SMQ_SMALL)
		smq_copy_small(to, from, bytes);
	else
		memcpy(to, from, bytes);
}

#endif
