/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "numbers.h"
#include "report.h"

#define CAPACITY_DEFAULT ((uint64_t)1 << 20)
#define CAPACITY_MAX     ((uint64_t)8 << 30)
#define SIZE_ARGUMENT    "1 to 8G bytes, as in 64K"
#define ALIGN_MAX        4096
#define BENCH_NS         INT64_C(10000000000)
#define INTERVAL_NS      INT64_C(1000000000)

/* getopt_long() returns this plus the option_id, which is neither a character nor its own '?' or ':'. */
#define FIRST_VALUE 256

static const struct {
	const char *name;
	const char *argument; /* what it must be; NULL: the option takes none */
} all_options[] = {
	[OPTION_ALIGN] = { "align", "a power of two from 8 to 4K" },
	[OPTION_ALL] = { "all", NULL },
	[OPTION_ALL_USERS] = { "all-users", NULL },
	[OPTION_BROADCAST] = { "broadcast", NULL },
	[OPTION_CAPACITY] = { "capacity", SIZE_ARGUMENT },
	[OPTION_COUNT] = { "count", "a number of messages" },
	[OPTION_CREATE] = { "create", NULL },
	[OPTION_FORCE] = { "force", NULL },
	[OPTION_FRAME] = { "frame", "line, nul, len32, hex or chunk:SIZE" },
	[OPTION_HELP] = { "help", NULL },
	[OPTION_INTERVAL] = { "interval", "more than 0 seconds, as in 0.5" },
	[OPTION_JSON] = { "json", NULL },
	[OPTION_MAX_CAPACITY] = { "max-capacity", SIZE_ARGUMENT },
	[OPTION_MAX_MESSAGES] = { "max-messages", "1 to 4294967295 messages" },
	[OPTION_MODE] = { "mode", "octal permissions from 0 to 777" },
	[OPTION_OFFSET] = { "offset", "a number of messages" },
	[OPTION_OLDEST] = { "oldest", NULL },
	[OPTION_ONCE] = { "once", NULL },
	[OPTION_OPENMETRICS] = { "openmetrics", NULL },
	[OPTION_PROGRESS] = { "progress", NULL },
	[OPTION_QUEUED] = { "queued", NULL },
	[OPTION_SECONDS] = { "seconds", "more than 0 seconds, as in 0.5" },
	[OPTION_SHARED] = { "shared", NULL },
	[OPTION_SORT] = { "sort", "rate, fill or name" },
	[OPTION_SPEED] = { "speed", "a factor above 0, or max" },
	[OPTION_STAY] = { "stay", NULL },
	[OPTION_TEMPORARY] = { "temporary", NULL },
	[OPTION_TIMEOUT] = { "timeout", "a number of seconds, as in 0.5" },
	[OPTION_TYPE] = { "type", "a number from 0 to 4294967295" },
	[OPTION_TYPES] = { "type", NULL },
	[OPTION_USER] = { "user", "at most 64 bytes, as text or in @FILE" },
	[OPTION_VERSION] = { "version", NULL },
};

#define OPTIONS (sizeof all_options / sizeof all_options[0])

static void select_options(uint32_t wanted, struct option selected[OPTIONS + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (wanted >> i & 1)
			selected[count++] = (struct option){ .name = all_options[i].name,
							     .has_arg = all_options[i].argument != NULL,
							     .val = FIRST_VALUE + (int)i };
	}
	selected[count] = (struct option){ .name = NULL };
}

/* Stores the bytes of --user: TEXT or @FILE. False: errno is that of the file, or 0 if they are too many. */
static bool store_user(struct options *options, const char *text)
{
	unsigned char bytes[sizeof options->user + 1];
	size_t count = strlen(text);
	FILE *file;
	int err = 0;

	if (text[0] == '@') {
		file = fopen(text + 1, "re");
		if (file == NULL)
			return false;
		count = fread(bytes, 1, sizeof bytes, file);
		err = ferror(file) ? errno : 0;
		fclose(file);
		text = (const char *)bytes;
	}
	errno = err;
	if (err != 0 || count > sizeof options->user)
		return false;
	memset(options->user, 0, sizeof options->user);
	memcpy(options->user, text, count);
	return true;
}

/* Stores the argument of an option. False: it is not what all_options[] says. */
static bool store(struct options *options, enum option_id id, const char *text)
{
	uint64_t number;

	switch (id) {
	case OPTION_ALIGN:
		return parse_size(text, ALIGN_MAX, &options->align) && options->align >= 8 &&
		       (options->align & (options->align - 1)) == 0;
	case OPTION_CAPACITY:
		return parse_size(text, CAPACITY_MAX, &options->capacity) && options->capacity != 0;
	case OPTION_MAX_CAPACITY:
		return parse_size(text, CAPACITY_MAX, &options->max_capacity) && options->max_capacity != 0;
	case OPTION_COUNT:
		return parse_decimal(text, UINT64_MAX - 1, &options->count);
	case OPTION_OFFSET:
		return parse_decimal(text, UINT64_MAX - 1, &options->offset);
	case OPTION_FRAME:
		return frame_parse(text, &options->frame);
	case OPTION_MAX_MESSAGES:
		return parse_decimal(text, UINT32_MAX, &options->max_messages) && options->max_messages != 0;
	case OPTION_MODE:
		return parse_mode(text, &options->mode);
	case OPTION_SECONDS:
		return parse_seconds(text, &options->seconds) && options->seconds != 0;
	case OPTION_INTERVAL:
		return parse_seconds(text, &options->interval) && options->interval != 0;
	case OPTION_SORT:
		options->sort = text;
		return strcmp(text, "rate") == 0 || strcmp(text, "fill") == 0 || strcmp(text, "name") == 0;
	case OPTION_SPEED:
		return parse_factor(text, &options->speed);
	case OPTION_TIMEOUT:
		return parse_seconds(text, &options->timeout);
	case OPTION_TYPE:
		if (!parse_decimal(text, UINT32_MAX, &number))
			return false;
		options->type = (uint32_t)number;
		return true;
	case OPTION_USER:
		return store_user(options, text);
	default:
		return true;
	}
}

/* What the option's argument must be, for this command. */
static const char *argument_of(const struct command *command, enum option_id id)
{
	if (id == OPTION_FRAME && command != NULL && command->options & 1u << OPTION_TYPE)
		return "line, nul, len32 or chunk:SIZE"; /* it makes messages: see check_together() */
	return all_options[id].argument;
}

/*
 * Reports what getopt_long() has refused. It leaves in optopt the value of a known option, the character of an unknown
 * short one, and 0 for an unknown long one.
 */
static int refuse(const struct command *called, const char *command, int answer, char **argv)
{
	if (answer == ':')
		return report_usage(command, "--%s needs an argument: %s", all_options[optopt - FIRST_VALUE].name,
				    argument_of(called, (enum option_id)(optopt - FIRST_VALUE)));
	if (optopt >= FIRST_VALUE)
		return report_usage(command, "--%s takes no argument", all_options[optopt - FIRST_VALUE].name);
	if (optopt != 0)
		return report_usage(command, "unknown option -%c", optopt);
	return report_usage(command, "unknown option %s", argv[optind - 1]);
}

/* Reports what store() has refused. */
static int refuse_argument(const struct command *called, const char *command, enum option_id id)
{
	if (id == OPTION_USER && errno != 0)
		return report(command, "--user: cannot read the file \"%s\": %s", optarg + 1, strerror(errno));
	return report_usage(command, "invalid --%s \"%s\": it must be %s", all_options[id].name, optarg,
			    argument_of(called, id));
}

struct shmemq_attr options_attr(const struct options *options)
{
	struct shmemq_attr attr = {
		.capacity = options->capacity,
		.capacity_max = options->max_capacity,
		.alignment = (uint32_t)options->align,
		.messages_max = (uint32_t)options->max_messages,
		.flags = (given(options, OPTION_TEMPORARY) ? SHMEMQ_ATTR_TEMPORARY : 0) |
			 (given(options, OPTION_BROADCAST) ? SHMEMQ_ATTR_BROADCAST : 0),
	};

	memcpy(attr.user, options->user, sizeof attr.user);
	return attr;
}

/* Checks the options that need other ones. */
static int check_together(const struct command *command, const struct options *options)
{
	static const enum option_id of_create[] = { OPTION_ALIGN,        OPTION_BROADCAST,    OPTION_CAPACITY,
						    OPTION_MAX_CAPACITY, OPTION_MAX_MESSAGES, OPTION_MODE,
						    OPTION_TEMPORARY,    OPTION_USER };
	uint64_t capacity = options->capacity != 0 ? options->capacity : CAPACITY_DEFAULT;
	bool creates = !(command->options >> OPTION_CREATE & 1) || given(options, OPTION_CREATE);

	for (size_t i = 0; !creates && i < sizeof of_create / sizeof of_create[0]; i++) {
		if (given(options, of_create[i]))
			return report_usage(command->name, "--%s needs --create", all_options[of_create[i]].name);
	}
	if (given(options, OPTION_MAX_CAPACITY) && options->max_capacity < capacity)
		return report_usage(command->name, "--max-capacity must be at least the capacity, which is %" PRIu64,
				    capacity);
	if (given(options, OPTION_ALL) && !given(options, OPTION_FORCE))
		return report_usage(command->name, "--all needs --force");
	if (given(options, OPTION_JSON) && given(options, OPTION_OPENMETRICS))
		return report_usage(command->name, "give --json or --openmetrics, not both");
	if (given(options, OPTION_OLDEST) && given(options, OPTION_QUEUED))
		return report_usage(command->name, "give --oldest or --queued, not both");
	if (given(options, OPTION_TYPES) && !frame_ends(&options->frame))
		return report_usage(command->name, "--type needs --frame=line, --frame=nul or --frame=hex");
	if (options->frame.kind == FRAME_HEX && command->options & 1u << OPTION_TYPE)
		return report_usage(command->name, "--frame=hex shows messages: it is for pop, peek and tail");
	return 0;
}

int options_read(const struct command *command, int argc, char **argv, struct options *options)
{
	const char *name = command != NULL ? command->name : NULL;
	struct option selected[OPTIONS + 1];
	enum option_id id;
	int answer, status;

	*options = (struct options){ .mode = 0600,
				     .count = UINT64_MAX,
				     .timeout = -1,
				     .seconds = BENCH_NS,
				     .interval = INTERVAL_NS,
				     .speed = 1 };
	select_options((command != NULL ? command->options : 0) | 1u << OPTION_HELP | 1u << OPTION_VERSION, selected);
	opterr = 0;
	optind = 0; /* a new command line, also to getopt_long() */
	/* '+' stops at the first name: before the command, that is the command. After it, options may follow names. */
	while ((answer = getopt_long(argc, argv, command == NULL ? "+:" : ":", selected, NULL)) != -1) {
		if (answer < FIRST_VALUE)
			return refuse(command, name, answer, argv);
		id = (enum option_id)(answer - FIRST_VALUE);
		options->given |= 1u << id;
		if (!store(options, id, optarg))
			return refuse_argument(command, name, id);
	}
	if (command == NULL || given(options, OPTION_HELP) || given(options, OPTION_VERSION))
		return 0;
	status = names_check(command, options, argv + optind, argc - optind);
	return status != 0 ? status : check_together(command, options);
}
