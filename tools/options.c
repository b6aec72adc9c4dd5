/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "options.h"

#include <getopt.h>
#include <string.h>

#include "numbers.h"
#include "report.h"

#define CAPACITY_MAX (1u << 30)
#define BENCH_NS     INT64_C(10000000000)

/* getopt_long() returns this and the option_id: no character, no '?' and no ':'. */
#define FIRST_VALUE 256

static const struct {
	const char *name;
	int argument;
	enum option_id id;
} all_options[] = {
	{ "all", no_argument, OPTION_ALL },
	{ "capacity", required_argument, OPTION_CAPACITY },
	{ "count", required_argument, OPTION_COUNT },
	{ "create", no_argument, OPTION_CREATE },
	{ "force", no_argument, OPTION_FORCE },
	{ "frame", required_argument, OPTION_FRAME },
	{ "help", no_argument, OPTION_HELP },
	{ "json", no_argument, OPTION_JSON },
	{ "mode", required_argument, OPTION_MODE },
	{ "progress", no_argument, OPTION_PROGRESS },
	{ "seconds", required_argument, OPTION_SECONDS },
	{ "shared", no_argument, OPTION_SHARED },
	{ "stay", no_argument, OPTION_STAY },
	{ "temporary", no_argument, OPTION_TEMPORARY },
	{ "timeout", required_argument, OPTION_TIMEOUT },
	{ "type", required_argument, OPTION_TYPE },
	{ "type", no_argument, OPTION_TYPES },
	{ "version", no_argument, OPTION_VERSION },
};

#define OPTIONS (sizeof all_options / sizeof all_options[0])

static void select_options(uint32_t wanted, struct option selected[OPTIONS + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (wanted >> all_options[i].id & 1)
			selected[count++] = (struct option){ .name = all_options[i].name,
							     .has_arg = all_options[i].argument,
							     .val = FIRST_VALUE + (int)all_options[i].id };
	}
	selected[count] = (struct option){ .name = NULL };
}

/* Takes one option's argument. Returns NULL, or what the argument should have been. */
static const char *take(struct options *options, enum option_id id, const char *text)
{
	uint64_t number;

	switch (id) {
	case OPTION_CAPACITY:
		if (!parse_size(text, CAPACITY_MAX, &options->capacity) || options->capacity == 0)
			return "1 to 1G bytes, with K, M or G for powers of 1024";
		break;
	case OPTION_COUNT:
		if (!parse_decimal(text, UINT64_MAX - 1, &options->count))
			return "a number of messages";
		break;
	case OPTION_FRAME:
		if (!frame_parse(text, &options->frame))
			return "line, nul, len32 or chunk:SIZE";
		break;
	case OPTION_MODE:
		if (!parse_mode(text, &options->mode))
			return "octal permission bits, 0 to 777";
		break;
	case OPTION_SECONDS:
		if (!parse_seconds(text, &options->seconds) || options->seconds == 0)
			return "seconds above 0, as 2 or 0.5";
		break;
	case OPTION_TIMEOUT:
		if (!parse_seconds(text, &options->timeout))
			return "seconds, as 2 or 0.5";
		break;
	case OPTION_TYPE:
		if (!parse_decimal(text, UINT32_MAX, &number))
			return "a number from 0 to 4294967295";
		options->type = (uint32_t)number;
		break;
	default:
		break;
	}
	return NULL;
}

static const char *name_of(int value)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (FIRST_VALUE + (int)all_options[i].id == value)
			return all_options[i].name;
	}
	return "";
}

/* What getopt_long() has refused: it leaves the option's value, a character, or for an unknown long one 0. */
static int refuse(const char *command, int answer, char **argv)
{
	if (answer == ':')
		return report_usage(command, "--%s wants an argument", name_of(optopt));
	if (optopt >= FIRST_VALUE)
		return report_usage(command, "--%s takes no argument", name_of(optopt));
	if (optopt != 0)
		return report_usage(command, "unknown option -%c", optopt);
	return report_usage(command, "unknown option %s", argv[optind - 1]);
}

/* Options that mean something only beside others. */
static int check_together(const struct command *command, const struct options *options)
{
	static const enum option_id of_create[] = { OPTION_CAPACITY, OPTION_MODE, OPTION_TEMPORARY };
	bool creates = !(command->options >> OPTION_CREATE & 1) || given(options, OPTION_CREATE);

	for (size_t i = 0; !creates && i < sizeof of_create / sizeof of_create[0]; i++) {
		if (given(options, of_create[i]))
			return report_usage(command->name, "--%s needs --create",
					    name_of(FIRST_VALUE + (int)of_create[i]));
	}
	if (given(options, OPTION_ALL) && !given(options, OPTION_FORCE))
		return report_usage(command->name, "--all needs --force");
	if (given(options, OPTION_TYPES) && !frame_delimits(&options->frame))
		return report_usage(command->name, "--type shows tags in the line and nul frames only");
	return 0;
}

static int check_names(const struct command *command, int argc, char **argv)
{
	int names = argc - optind;

	if (names < command->names_min)
		return report_usage(command->name, "the NAME of a queue is missing");
	if (names > command->names_max)
		return report_usage(command->name, "'%s' is one NAME too many", argv[optind + command->names_max]);
	return 0;
}

int options_read(const struct command *command, int argc, char **argv, struct options *options)
{
	const char *name = command != NULL ? command->name : NULL;
	struct option selected[OPTIONS + 1];
	int answer, status;

	*options = (struct options){ .mode = 0600, .count = UINT64_MAX, .timeout = -1, .seconds = BENCH_NS };
	select_options((command != NULL ? command->options : 0) | 1u << OPTION_HELP | 1u << OPTION_VERSION, selected);
	opterr = 0;
	optind = 0; /* a new command line, also to getopt_long() */
	/* Before the command, '+' stops at it; behind it, options may follow names. */
	while ((answer = getopt_long(argc, argv, command == NULL ? "+:" : ":", selected, NULL)) != -1) {
		const char *wanted;

		if (answer < FIRST_VALUE)
			return refuse(name, answer, argv);
		options->given |= 1u << (answer - FIRST_VALUE);
		wanted = take(options, (enum option_id)(answer - FIRST_VALUE), optarg);
		if (wanted != NULL)
			return report_usage(name, "--%s %s: it should be %s", name_of(answer), optarg, wanted);
	}
	if (command == NULL || given(options, OPTION_HELP) || given(options, OPTION_VERSION))
		return 0;
	status = check_names(command, argc, argv);
	return status != 0 ? status : check_together(command, options);
}
