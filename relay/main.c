/* SPDX-License-Identifier: MIT */
/* shmemq-nats(1): queues across machines, on NATS JetStream. It uses libnats and the public header of libshmemq. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <nats/nats.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "report.h"

static const struct command commands[] = {
	{ "export", FOR_EXPORT, true, run_export },
	{ "import", FOR_IMPORT, true, run_import },
	{ "status", FOR_STATUS, false, run_status },
	{ "create", FOR_CREATE, false, run_create },
	{ "rm", FOR_RM, false, run_rm },
};

static int help(void)
{
	fputs("Usage: shmemq-nats COMMAND [OPTION]... [QUEUE] STREAM\n"
	      "Carries queues in shared memory between machines, through a stream of NATS\n"
	      "JetStream: each message once, in order.\n"
	      "\n"
	      "  create STREAM           make the stream SHMEMQ_STREAM\n"
	      "    --max-bytes SIZE        it may have, with K, M or G; by default 1G\n"
	      "    --max-age TIME          lose what is older, as in 30s, 10m, 12h, 7d\n"
	      "    --replicas N            1 (default), 3 or 5\n"
	      "    --keep                  for several importers: keep what one has\n"
	      "  export QUEUE STREAM     from the queue into the stream\n"
	      "    --pack SIZE             most bytes of a frame, by default 1M; 0: a message\n"
	      "                            each, for readers that are not importers\n"
	      "    --window N              messages that are out at most; by default 16384\n"
	      "  import QUEUE STREAM     from the stream into the queue\n"
	      "    --ack popped, pushed    when the stream may forget a message\n"
	      "    --keep                  of a stream that was made with --keep\n"
	      "    --durable NAME          this importer's name there; by default the host's\n"
	      "  of both:\n"
	      "    --create                make the queue if it is missing\n"
	      "    --capacity SIZE         bytes of its ring then; by default 1M\n"
	      "    --mode MODE             its octal permissions then; by default 600\n"
	      "    --close propagate, ignore  that the producer has closed\n"
	      "    --drain                 end when the producer has closed and all is carried\n"
	      "    --on-loss stop, continue   when the server has lost messages\n"
	      "    --metrics FILE          write counters every 5 s, for Prometheus\n"
	      "  status STREAM           show the stream, its exporter and its importers\n"
	      "    --json                  as JSON\n"
	      "  rm STREAM               remove the stream\n"
	      "  of all:\n"
	      "    --config FILE           options, a line each: option = value\n"
	      "    --server URL[,URL]...   by default nats://127.0.0.1:4222; tls:// for TLS\n"
	      "    --creds FILE, --user NAME --password-file FILE, --nkey KEY --nkey-seed FILE\n"
	      "    --tls-ca FILE, --tls-cert FILE, --tls-key FILE\n"
	      "    --inbox SUBJECT         where answers are sent; by default _INBOX\n"
	      "    --verbose               say what happens\n"
	      "  --help, --version       show this, or the version\n",
	      stdout);
	return finish_output();
}

static int version(void)
{
	printf("shmemq-nats %s (libshmemq %s, libnats %s)\n", PACKAGE_VERSION, shmemq_version(), nats_GetVersion());
	return finish_output();
}

/* If descriptor 0, 1 or 2 is closed, the next file that is opened gets its number: /dev/null takes it. */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(STATUS_FAILED);
	}
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* `command`: the one that argv[0] names; NULL: options, then a command, follow. Returns the exit status. */
static int run(const struct command *command, int argc, char **argv)
{
	static struct options options;
	int status = options_read(command, argc, argv, &options);

	if (status != 0)
		return status;
	if (option_on(&options, OPTION_HELP))
		return help();
	if (option_on(&options, OPTION_VERSION))
		return version();
	report_verbose = option_on(&options, OPTION_VERBOSE);
	if (command != NULL)
		return command->run(&options);
	if (optind >= argc)
		return report_usage(NULL, "missing command");
	command = find(argv[optind]);
	if (command == NULL)
		return report_usage(NULL, "unknown command \"%s\"", argv[optind]);
	return run(command, argc - optind, argv + optind);
}

/*
 * libnats allocates each message that it sends or gets. With glibc's defaults the memory of large ones goes back to the
 * kernel and comes again with page faults, which is half of the importer's time for messages of 64 KiB.
 */
static void keep_memory(void)
{
#ifdef M_TRIM_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 4 << 20);
#endif
}

/* Trap 12: libnats starts threads, so nothing forks after this, and it never becomes a daemon by itself. */
int main(int argc, char **argv)
{
	hold_standard_descriptors();
	keep_memory();
	return run(NULL, argc, argv);
}
