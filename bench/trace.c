/* SPDX-License-Identifier: MIT */
/* Counts the system calls of two processes while they are measured, by strace(1). */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

static bool is_traced(int pid)
{
	char path[64], line[256];
	int tracer = 0;
	FILE *status;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	status = fopen(path, "re");
	if (status == NULL)
		return false;
	while (fgets(line, sizeof line, status) != NULL && sscanf(line, "TracerPid: %d", &tracer) != 1)
		;
	fclose(status);
	return tracer != 0;
}

static void exec_strace(const int pids[2], FILE *summary)
{
	char first[16], second[16], file[32];
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(first, sizeof first, "%d", pids[0]);
	snprintf(second, sizeof second, "%d", pids[1]);
	snprintf(file, sizeof file, "/dev/fd/%d", fileno(summary));
	dup2(null, STDERR_FILENO); /* strace prints the processes that it attaches to */
	execlp("strace", "strace", "-f", "-c", "-o", file, "-p", first, "-p", second, (char *)NULL);
	_exit(127);
}

int trace_start(const int pids[2], FILE *summary)
{
	int tracer = fork();

	if (tracer == 0)
		exec_strace(pids, summary);
	for (unsigned i = 0; i < 200 && tracer > 0; i++) {
		if (is_traced(pids[0]) && is_traced(pids[1]))
			return tracer;
		if (waitpid(tracer, NULL, WNOHANG) == tracer)
			return -1;
		sleep_ns(10000000);
	}
	if (tracer > 0) {
		kill(tracer, SIGKILL);
		waitpid(tracer, NULL, 0);
	}
	return -1;
}

double trace_end(int tracer, FILE *summary)
{
	double calls = -1, share, seconds;
	char line[256];
	long each, all;

	waitpid(tracer, NULL, 0);
	rewind(summary);
	while (fgets(line, sizeof line, summary) != NULL) {
		if (strstr(line, " total") != NULL &&
		    sscanf(line, "%lf %lf %ld %ld", &share, &seconds, &each, &all) == 4)
			calls = (double)all;
	}
	return calls;
}
