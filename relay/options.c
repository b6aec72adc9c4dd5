/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "report.h"
#include "text.h"

#define SIZE_MAX_BYTES ((uint64_t)1 << 50)
#define CAPACITY_MAX   ((uint64_t)8 << 30)
/* The ordinals of a frame grow by no more than 2^20: export_base() relies on it. */
#define PACK_MAX     ((uint64_t)8 << 20)
#define WINDOW_MAX   (1u << 20)
#define DURABLE_MAX  64
#define NS_PER_S     INT64_C(1000000000)
#define ALL_COMMANDS (FOR_CREATE | FOR_EXPORT | FOR_IMPORT | FOR_RM | FOR_STATUS)
#define RELAYS       (FOR_EXPORT | FOR_IMPORT)
#define FIRST_VALUE  256 /* getopt_long() returns this plus the option_id */

static const struct {
	const char *name;
	unsigned commands;
	const char *argument; /* what it must be; NULL: the option takes none */
} all_options[OPTIONS] = {
	[OPTION_ACK] = { "ack", FOR_IMPORT, "popped or pushed" },
	[OPTION_CAPACITY] = { "capacity", RELAYS, "1 to 8G bytes, as in 64K" },
	[OPTION_CLOSE] = { "close", RELAYS, "propagate or ignore" },
	[OPTION_CONFIG] = { "config", ALL_COMMANDS, "the name of a file" },
	[OPTION_CREATE] = { "create", RELAYS, NULL },
	[OPTION_CREDS] = { "creds", ALL_COMMANDS, "the name of a file" },
	[OPTION_DRAIN] = { "drain", RELAYS, NULL },
	[OPTION_DURABLE] = { "durable", FOR_IMPORT, "1 to 64 letters, digits, _ and -" },
	[OPTION_HELP] = { "help", ALL_COMMANDS, NULL },
	[OPTION_INBOX] = { "inbox", ALL_COMMANDS, "a subject, as in _INBOX_a" },
	[OPTION_JSON] = { "json", FOR_STATUS, NULL },
	[OPTION_KEEP] = { "keep", FOR_CREATE | FOR_IMPORT, NULL },
	[OPTION_MAX_AGE] = { "max-age", FOR_CREATE, "a time above 0, as in 30s, 10m, 12h or 7d" },
	[OPTION_MAX_BYTES] = { "max-bytes", FOR_CREATE, "a number of bytes, where K, M and G are powers of 1024" },
	[OPTION_METRICS] = { "metrics", RELAYS, "the name of a file" },
	[OPTION_MODE] = { "mode", RELAYS, "octal permissions from 0 to 777" },
	[OPTION_NKEY] = { "nkey", ALL_COMMANDS, "the public key of the seed, which begins with U" },
	[OPTION_NKEY_SEED] = { "nkey-seed", ALL_COMMANDS, "the name of a file" },
	[OPTION_ON_LOSS] = { "on-loss", RELAYS, "stop or continue" },
	[OPTION_PACK] = { "pack", FOR_EXPORT, "a number of bytes from 0 to 8M" },
	[OPTION_PASSWORD_FILE] = { "password-file", ALL_COMMANDS, "the name of a file" },
	[OPTION_REPLICAS] = { "replicas", FOR_CREATE, "1, 3 or 5" },
	[OPTION_SERVER] = { "server", ALL_COMMANDS,
			    "one or more URLs without a password, as in nats://a:4222,nats://b:4222" },
	[OPTION_TLS_CA] = { "tls-ca", ALL_COMMANDS, "the name of a file" },
	[OPTION_TLS_CERT] = { "tls-cert", ALL_COMMANDS, "the name of a file" },
	[OPTION_TLS_KEY] = { "tls-key", ALL_COMMANDS, "the name of a file" },
	[OPTION_USER] = { "user", ALL_COMMANDS, "a name" },
	[OPTION_VERBOSE] = { "verbose", ALL_COMMANDS, NULL },
	[OPTION_VERSION] = { "version", ALL_COMMANDS, NULL },
	[OPTION_WINDOW] = { "window", FOR_EXPORT, "a number of messages from 1 to 1048576" },
	[OPTION_QUEUE] = { "queue", 0, "a slash and a file name, as in /foo" },
	[OPTION_STREAM] = { "stream", 0, "1 to 64 letters, digits, _ and -" },
};

bool option_on(const struct options *options, enum option_id id)
{
	return options->text[id] != NULL && strcmp(options->text[id], "yes") == 0;
}

bool option_is(const struct options *options, enum option_id id, const char *word)
{
	const char *text = options->text[id];

	/* The default is the word that the table names first. */
	if (text == NULL)
		return strncmp(all_options[id].argument, word, strlen(word)) == 0;
	return strcmp(text, word) == 0;
}

static bool is_name(const char *text)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t length = strlen(text);

	return length >= 1 && length <= DURABLE_MAX && strspn(text, good) == length;
}

static bool is_queue(const char *text)
{
	size_t length = strlen(text);

	return text[0] == '/' && length >= 2 && length <= 1 + NAME_MAX && strchr(text + 1, '/') == NULL &&
	       strcmp(text, "/.") != 0 && strcmp(text, "/..") != 0;
}

/* Is it a list of URLs that say no password and no token? They would show in ps(1). */
static bool is_server(const char *text)
{
	return text[0] != '\0' && strchr(text, '@') == NULL && strpbrk(text, " \t") == NULL;
}

/* 30s, 10m, 12h, 7d, or seconds. */
static bool parse_duration(const char *text, int64_t *ns)
{
	static const char letters[] = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	size_t length = strlen(text);
	const char *letter = length != 0 ? strchr(letters, text[length - 1]) : NULL;
	int64_t unit = letter != NULL ? seconds[letter - letters] : 1;
	char number[32];

	if (letter != NULL)
		length--;
	if (length >= sizeof number)
		return false;
	memcpy(number, text, length);
	number[length] = '\0';
	if (!parse_seconds(number, ns) || *ns == 0 || *ns > INT64_MAX / unit)
		return false;
	*ns *= unit;
	return true;
}

static bool is_one_of(const char *text, const char *first, const char *second)
{
	return strcmp(text, first) == 0 || strcmp(text, second) == 0;
}

/* Stores the value of an option. False: it is not what all_options[] says. */
static bool store(struct options *options, enum option_id id, const char *text)
{
	options->text[id] = text;
	options->given |= UINT64_C(1) << id;
	if (all_options[id].argument == NULL)
		return is_one_of(text, "yes", "no");
	switch (id) {
	case OPTION_ACK:
		return is_one_of(text, "popped", "pushed");
	case OPTION_CLOSE:
		return is_one_of(text, "propagate", "ignore");
	case OPTION_ON_LOSS:
		return is_one_of(text, "stop", "continue");
	case OPTION_CAPACITY:
		return parse_size(text, CAPACITY_MAX, &options->capacity) && options->capacity != 0;
	case OPTION_DURABLE:
	case OPTION_STREAM:
		return is_name(text);
	case OPTION_QUEUE:
		return is_queue(text);
	case OPTION_MAX_AGE:
		return parse_duration(text, &options->max_age);
	case OPTION_MAX_BYTES:
		return parse_size(text, SIZE_MAX_BYTES, &options->max_bytes) && options->max_bytes != 0;
	case OPTION_MODE:
		return parse_mode(text, &options->mode);
	case OPTION_PACK:
		return parse_size(text, PACK_MAX, &options->pack);
	case OPTION_REPLICAS:
		return parse_decimal(text, 5, &options->replicas) && options->replicas % 2 == 1;
	case OPTION_SERVER:
		return is_server(text);
	case OPTION_WINDOW:
		return parse_decimal(text, WINDOW_MAX, &options->window) && options->window != 0;
	default:
		return text[0] != '\0';
	}
}

const char *options_store(struct options *options, const char *name, const char *value)
{
	for (size_t id = 0; id < OPTIONS; id++) {
		if (strcmp(name, all_options[id].name) != 0)
			continue;
		if (id == OPTION_CONFIG || id == OPTION_HELP || id == OPTION_VERSION || id == OPTION_JSON)
			break;
		if (options->given >> id & 1)
			return NULL;
		if (store(options, (enum option_id)id, value))
			return NULL;
		return all_options[id].argument != NULL ? all_options[id].argument : "yes or no";
	}
	return "";
}

static void select_options(unsigned command, struct option selected[OPTIONS + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (all_options[i].commands & command)
			selected[count++] = (struct option){ .name = all_options[i].name,
							     .has_arg = all_options[i].argument != NULL,
							     .val = FIRST_VALUE + (int)i };
	}
	selected[count] = (struct option){ .name = NULL };
}

/*
 * Reports what getopt_long() has refused. It leaves in optopt the value of a known option, the character of an unknown
 * short one, and 0 for an unknown long one.
 */
static int refuse(const char *command, int answer, char **argv)
{
	if (answer == ':')
		return report_usage(command, "--%s needs an argument: %s", all_options[optopt - FIRST_VALUE].name,
				    all_options[optopt - FIRST_VALUE].argument);
	if (optopt >= FIRST_VALUE)
		return report_usage(command, "--%s takes no argument", all_options[optopt - FIRST_VALUE].name);
	if (optopt != 0)
		return report_usage(command, "unknown option -%c", optopt);
	return report_usage(command, "unknown option %s", argv[optind - 1]);
}

static int read_names(const struct command *command, int argc, char **argv, struct options *options)
{
	int most = command->queue ? 2 : 1, names = argc - optind;

	if (names > most)
		return report_usage(command->name, "unexpected argument \"%s\"", argv[optind + most]);
	if (names == 1 && command->queue)
		return report_usage(command->name, "missing name, as in \"shmemq-nats %s /foo STREAM\"", command->name);
	if (names == most && most == 2 && !store(options, OPTION_QUEUE, argv[optind]))
		return report_usage(command->name, "invalid queue name \"%s\": it must be %s", argv[optind],
				    all_options[OPTION_QUEUE].argument);
	if (names == most && !store(options, OPTION_STREAM, argv[argc - 1]))
		return report_usage(command->name, "invalid stream name \"%s\": it must be %s", argv[argc - 1],
				    all_options[OPTION_STREAM].argument);
	return 0;
}

static int check_together(const struct command *command, const struct options *options)
{
	if (options->text[OPTION_STREAM] == NULL || (command->queue && options->text[OPTION_QUEUE] == NULL))
		return report_usage(command->name, "missing name, as in \"shmemq-nats %s%s STREAM\"", command->name,
				    command->queue ? " /foo" : "");
	if ((options->text[OPTION_USER] == NULL) != (options->text[OPTION_PASSWORD_FILE] == NULL))
		return report_usage(command->name, "--user and --password-file need each other");
	if ((options->text[OPTION_NKEY] == NULL) != (options->text[OPTION_NKEY_SEED] == NULL))
		return report_usage(command->name, "--nkey and --nkey-seed need each other");
	if ((options->text[OPTION_TLS_CERT] == NULL) != (options->text[OPTION_TLS_KEY] == NULL))
		return report_usage(command->name, "--tls-cert and --tls-key need each other");
	if (options->text[OPTION_DURABLE] != NULL && !option_on(options, OPTION_KEEP))
		return report_usage(command->name, "--durable needs --keep");
	return 0;
}

int options_read(const struct command *command, int argc, char **argv, struct options *options)
{
	const char *name = command != NULL ? command->name : NULL;
	struct option selected[OPTIONS + 1];
	int answer, status = 0;

	*options =
		(struct options){ .replicas = 1, .max_bytes = 1 << 30, .pack = 1 << 20, .window = 16384, .mode = 0600 };
	select_options(command != NULL ? command->bit : FOR_CREATE, selected);
	opterr = 0;
	optind = 0; /* a new command line, also to getopt_long() */
	/* '+' stops at the first name: before the command, that is the command. After it, options may follow names. */
	while ((answer = getopt_long(argc, argv, command == NULL ? "+:" : ":", selected, NULL)) != -1) {
		enum option_id id = (enum option_id)(answer - FIRST_VALUE);

		if (answer < FIRST_VALUE)
			return refuse(name, answer, argv);
		if (command == NULL && id != OPTION_HELP && id != OPTION_VERSION)
			return report_usage(NULL, "--%s must follow the command", all_options[id].name);
		if (!store(options, id, all_options[id].argument != NULL ? optarg : "yes"))
			return report_usage(name, "invalid --%s \"%s\": it must be %s", all_options[id].name,
					    id == OPTION_SERVER ? "..." : optarg, all_options[id].argument);
	}
	if (command == NULL || option_on(options, OPTION_HELP) || option_on(options, OPTION_VERSION))
		return 0;
	status = read_names(command, argc, argv, options);
	if (status == 0 && options->text[OPTION_CONFIG] != NULL)
		status = options_read_file(options, options->text[OPTION_CONFIG]);
	return status != 0 ? status : check_together(command, options);
}
