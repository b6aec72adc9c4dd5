/* SPDX-License-Identifier: MIT */
/* What the library asks of a compiler and of a processor beyond C11. */
#ifndef SMQ_COMPILER_H
#define SMQ_COMPILER_H

#include <stdatomic.h>

#if defined __GNUC__
#define smq_likely(x)     __builtin_expect(!!(x), 1)
#define smq_unlikely(x)   __builtin_expect(!!(x), 0)
#define smq_noinline      __attribute__((noinline))
#define smq_always_inline inline __attribute__((always_inline))
#else
#define smq_likely(x)   (x)
#define smq_unlikely(x) (x)
#define smq_noinline
#define smq_always_inline inline
#endif

/* A pause in a loop that waits for another processor. */
static inline void smq_cpu_relax(void)
{
#if !defined __GNUC__
	atomic_signal_fence(memory_order_seq_cst);
#elif defined __x86_64__ || defined __i386__
	__builtin_ia32_pause();
#elif defined __aarch64__
	/* Not yield, which does nothing on nearly all cores. It waits for the instructions before it. */
	__asm__ __volatile__("isb" ::: "memory");
#elif defined __ARM_ARCH && __ARM_ARCH >= 7
	__asm__ __volatile__("yield" ::: "memory");
#elif defined __riscv
	/* pause of Zihintpause, by its encoding: a hint, so other cores do nothing. */
	__asm__ __volatile__(".4byte 0x0100000f" ::: "memory");
#elif defined __powerpc__
	__asm__ __volatile__("or 27,27,27" ::: "memory");
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

/*
 * A full fence right after an atomic exchange: what was stored before the exchange is seen before anything is loaded
 * after this. On x86 the exchange is a locked instruction, which is such a fence for the processor, whatever order was
 * asked for; this then keeps the compiler from moving the load before it. Other processors get an instruction more.
 */
static inline void smq_fence_after_exchange(void)
{
#if defined __GNUC__ && (defined __x86_64__ || defined __i386__)
	atomic_signal_fence(memory_order_seq_cst);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* Requests a cache line that will be written soon. A hint only: any address is allowed. */
static inline void smq_prefetch_write(const void *address)
{
#if defined __GNUC__ && defined __x86_64__
	/* In assembler: for baseline x86-64 compilers turn __builtin_prefetch() into a prefetch for reading. */
	__asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)address));
#elif defined __GNUC__
	__builtin_prefetch(address, 1);
#else
	(void)address;
#endif
}

/* The same for one that will be read. */
static inline void smq_prefetch_read(const void *address)
{
#if defined __GNUC__
	__builtin_prefetch(address);
#else
	(void)address;
#endif
}

#endif
