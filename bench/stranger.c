/* SPDX-License-Identifier: MIT */
/* How much a program that only computes loses beside two processes that wake each other on another processor. */
#include "config.h"

#include "side.h"

#include <linux/membarrier.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLICES 20

/*
 * Computes for `ns` on the processor that the sides leave free, and stores how many rounds a second it made. Registered
 * for membarrier as each user of this library is, so that the library's barriers interrupt it.
 */
_Noreturn static void compute(double *rate, uint64_t ns)
{
	uint64_t rounds = 0, start, now, x = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(bench_cpus[PRODUCER]);
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
	start = now_ns();
	do {
		for (unsigned i = 0; i < 1000; i++) {
			x = x * UINT64_C(6364136223846793005) + 1;
			__asm__ volatile("" : "+r"(x)); /* or the compiler would leave it out */
		}
		rounds++;
		now = now_ns();
	} while (now - start < ns);
	*rate = (double)rounds * 1e9 / (double)(now - start);
	_exit(0);
}

/* In a process of its own: whether one is registered is asked of the process that runs. */
static double rate_of_stranger(double *rate, uint64_t ns)
{
	pid_t stranger = fork();

	*rate = 0;
	if (stranger == 0)
		compute(rate, ns);
	if (stranger < 0)
		die("fork");
	waitpid(stranger, NULL, 0);
	return *rate;
}

/* Alone, beside, beside, alone, and so on, so that whatever else the machine does affects both. */
double stranger_loss(const struct repetition *repetition)
{
	uint64_t ns = (uint64_t)(repetition->seconds * 1e9 / SLICES);
	double *rate = map_shared(sizeof *rate), sum[2] = { 0, 0 };

	if (rate == NULL)
		die("mmap");
	for (unsigned i = 0; i < SLICES; i++) {
		bool beside = (i + 1) / 2 % 2;

		signal_children(repetition, beside ? SIGCONT : SIGSTOP);
		sum[beside] += rate_of_stranger(rate, ns);
	}
	signal_children(repetition, SIGCONT);
	munmap(rate, sizeof *rate);
	return sum[0] > 0 ? 100 * (1 - sum[1] / sum[0]) : 0;
}
