/* SPDX-License-Identifier: MIT */
/* Decodes untrusted text in a child without rights: sandbox [-m] HEX... */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <shmemq.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __x86_64__ && !defined __ILP32__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __i386__
#define ARCH AUDIT_ARCH_I386
#elif defined __aarch64__ && defined __AARCH64EL__ && defined __LP64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __arm__ && defined __ARMEL__
#define ARCH AUDIT_ARCH_ARM
#elif defined __riscv && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined __s390x__
#define ARCH AUDIT_ARCH_S390X
#else
#define ARCH 0
#endif

#define TEN_SECONDS (10 * INT64_C(1000000000))

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define IF(value, action) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), RETURN(action)
#define ALLOW(call) IF(__NR_##call, SECCOMP_RET_ALLOW)

/* The system calls of push, pop and close, on any architecture and libc. */
static struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#define MEMBARRIER 5
	ALLOW(membarrier),
#ifdef __NR_futex
	ALLOW(futex), /* sleep and wake */
#endif
#ifdef __NR_futex_time64
	ALLOW(futex_time64),
#endif
	ALLOW(restart_syscall), /* a sleep goes on after SIGSTOP and SIGCONT */
#ifdef __NR_clock_gettime
	ALLOW(clock_gettime), /* where the vDSO has no clock */
#endif
#ifdef __NR_clock_gettime64
	ALLOW(clock_gettime64),
#endif
#ifdef __NR_fcntl
	ALLOW(fcntl), /* the locks that show if the peer lives */
#endif
#ifdef __NR_fcntl64
	ALLOW(fcntl64),
#endif
#ifdef __NR_pidfd_open
	ALLOW(pidfd_open), /* has it ended, though its lock is still there? */
#endif
#ifdef __NR_poll
	ALLOW(poll),
#endif
#ifdef __NR_ppoll
	ALLOW(ppoll),
#endif
#ifdef __NR_ppoll_time64
	ALLOW(ppoll_time64),
#endif
	ALLOW(kill), /* the same, on old kernels */
#ifdef __NR_lseek
	ALLOW(lseek), /* is the descriptor still the queue's? */
#endif
#ifdef __NR__llseek
	ALLOW(_llseek),
#endif
	ALLOW(fallocate), /* raise the descriptor of the peer's shmemq_pollfd() */
	ALLOW(pread64),
#ifdef __NR_nanosleep
	ALLOW(nanosleep), /* close waits for another open or close */
#endif
#ifdef __NR_clock_nanosleep
	ALLOW(clock_nanosleep),
#endif
#ifdef __NR_clock_nanosleep_time64
	ALLOW(clock_nanosleep_time64),
#endif
	ALLOW(munmap), /* close */
	ALLOW(close),
	ALLOW(exit_group), /* _exit() */
	RETURN(SECCOMP_RET_KILL_PROCESS),
};

static int install_filter(int no_membarrier)
{
	struct sock_fprog program = { .filter = filter };

	program.len = sizeof filter / sizeof filter[0];
	/* The filter may refuse membarrier(2), but not kill for it: each
	   message then costs a fence. */
	if (no_membarrier)
		filter[MEMBARRIER].k = SECCOMP_RET_ERRNO | EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int nibble(char c)
{
	const char *digits = "0123456789abcdef", *found = strchr(digits, c);

	return c != '\0' && found != NULL ? (int)(found - digits) : 0;
}

/* Decodes one message into one message. The parent is trusted. */
static int decode(struct shmemq *in, struct shmemq *out)
{
	const char *hex;
	char *text;
	size_t size;

	hex = shmemq_pop_start(in, &size, NULL);
	if (hex == NULL)
		return -1;
	text = shmemq_push_start(out, size / 2);
	if (text == NULL)
		return -1;
	for (size_t i = 0; i < size / 2; i++)
		text[i] = (char)(16 * nibble(hex[2 * i]) +
				 nibble(hex[2 * i + 1]));
	if (shmemq_push_end(out, size / 2, 0) != 0)
		return -1;
	return shmemq_pop_end(in);
}

/* Opens the queues first: that takes calls that the filter forbids. */
static int child(int in_fd, int out_fd, int no_membarrier)
{
	struct shmemq *in = shmemq_fdopen(in_fd, SHMEMQ_CONSUMER);
	struct shmemq *out = shmemq_fdopen(out_fd, SHMEMQ_PRODUCER);

	if (in == NULL || out == NULL)
		return 1;
	if (install_filter(no_membarrier) != 0)
		return 77; /* no seccomp here */
	while (decode(in, out) == 0)
		;
	if (errno != EPIPE) /* EPIPE: the parent has closed */
		return 1;
	return (shmemq_close(in) | shmemq_close(out)) != 0;
}

/* Copies a message before it reads it, and limits its wait: a hostile child
   can change what lies in the ring, and may never answer. */
static int ask(struct shmemq *out, struct shmemq *in, const char *hex)
{
	char text[256];
	ssize_t size;

	if (shmemq_timedpush(out, hex, strlen(hex), 0, TEN_SECONDS) != 0)
		return -1;
	size = shmemq_timedpop(in, text, sizeof text, NULL, TEN_SECONDS);
	if (size < 0)
		return -1;
	printf("%.*s\n", (int)size, text);
	return 0;
}

int main(int argc, char **argv)
{
	int down = shmemq_memfd(NULL), up = shmemq_memfd(NULL), status = 1;
	int no_membarrier = argc > 1 && strcmp(argv[1], "-m") == 0;
	struct shmemq *out, *in;
	int failed = 0;
	pid_t pid;

	if (ARCH == 0) {
		fprintf(stderr, "sandbox: unknown architecture\n");
		return 77;
	}
	if (down < 0 || up < 0)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(child(down, up, no_membarrier));
	out = shmemq_fdopen(down, SHMEMQ_PRODUCER);
	in = shmemq_fdopen(up, SHMEMQ_CONSUMER);
	if (pid < 0 || out == NULL || in == NULL)
		return 1;
	for (int i = 1 + no_membarrier; i < argc && !failed; i++)
		failed = ask(out, in, argv[i]) != 0;
	if (failed)
		perror("sandbox"); /* EOWNERDEAD: the filter killed the child */
	shmemq_close(out); /* this ends the child */
	shmemq_close(in);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		return 77;
	return failed || status != 0;
}
