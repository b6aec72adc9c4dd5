/* SPDX-License-Identifier: MIT */
/* Which CPUs shmemq bench runs on. */
#include "config.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

/* A cpu_set_t has CPU_SETSIZE bits; there are machines with more CPUs. */
#define SETS 8
#define CPUS (SETS * CPU_SETSIZE)

/* Do two CPUs share a core? No, if the kernel does not tell. */
static bool siblings(int a, int b)
{
	char lists[2][256] = { "", "" };
	int cpus[2] = { a, b };

	for (int i = 0; i < 2; i++) {
		char path[80];
		FILE *file;

		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpus[i]);
		file = fopen(path, "re");
		if (file == NULL)
			return false;
		if (fgets(lists[i], sizeof lists[i], file) == NULL)
			lists[i][0] = '\0';
		fclose(file);
	}
	return lists[0][0] != '\0' && strcmp(lists[0], lists[1]) == 0;
}

void bench_choose_cpus(int cpus[2])
{
	cpu_set_t sets[SETS];

	cpus[0] = cpus[1] = -1;
	memset(sets, 0, sizeof sets);
	if (sched_getaffinity(0, sizeof sets, sets) != 0)
		return;
	for (int cpu = 0; cpu < CPUS; cpu++) {
		if (!CPU_ISSET_S(cpu, sizeof sets, sets))
			continue;
		if (cpus[0] < 0) {
			cpus[0] = cpu;
			continue;
		}
		if (cpus[1] < 0)
			cpus[1] = cpu;
		if (!siblings(cpus[0], cpu)) {
			cpus[1] = cpu;
			return;
		}
	}
	if (cpus[1] < 0)
		cpus[1] = cpus[0];
}

bool bench_bind(int cpu)
{
	cpu_set_t sets[SETS];

	memset(sets, 0, sizeof sets);
	CPU_SET_S(cpu, sizeof sets, sets);
	return sched_setaffinity(0, sizeof sets, sets) == 0;
}
