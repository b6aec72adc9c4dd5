/* SPDX-License-Identifier: MIT */
/* The command top: queues and their rates, again and again. */
#include "config.h"

#include "top.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "fit.h"
#include "holder.h"
#include "report.h"
#include "text.h"

static void put_process(const char *key, uint32_t pid)
{
	char *text = pid != 0 ? process_describe(pid) : NULL;

	printf(", \"%s\": ", key);
	if (text != NULL)
		json_string(stdout, text);
	else
		fputs("null", stdout);
	free(text);
}

static void put_rate(const char *what, const struct watched *w, const double rates[2])
{
	static const char *const units[] = { "messages", "bytes" };

	for (int i = 0; i < 2; i++) {
		printf(", \"%s_%s_per_second\": ", what, units[i]);
		if (w->rated)
			printf("%.3f", rates[i]);
		else
			fputs("null", stdout);
	}
}

void top_json(const struct watch *watch)
{
	printf("{\"time\": %lld, \"unreadable\": %zu, \"failed\": %zu, \"queues\": [", (long long)time(NULL),
	       watch->unreadable, watch->failed);
	for (size_t i = 0; i < watch->count; i++) {
		const struct watched *w = watch->sorted[i];

		fputs(i != 0 ? ", " : "", stdout);
		show_json_open(&w->queue);
		put_rate("pushed", w, w->pushed);
		put_rate("popped", w, w->popped);
		printf(", \"fill\": %.4f, \"fill_most\": %.4f", watch_fill(w), watch_fill_most(w));
		put_process("producer_process", w->queue.stat.producer_holder_pid);
		put_process("consumer_process", w->queue.stat.consumer_holder_pid);
		putchar('}');
	}
	fputs("]}\n", stdout);
}

/* Says what the table cannot show. */
static int report_missing(const struct watch *watch)
{
	int status = 0;

	report_unreadable(watch->unreadable);
	if (watch->failed != 0)
		status = report(NULL, "queues that could not be opened: %zu; the last: %s", watch->failed,
				strerror(watch->failure));
	return status;
}

static void pause_for(int64_t ns)
{
	struct timespec left = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

/* Prints a table or a document after each interval. */
static int print_turns(struct watch *watch, enum watch_sort by, const struct options *options)
{
	bool once = given(options, OPTION_ONCE), json = given(options, OPTION_JSON);
	size_t turn = 0, missing = 0;
	int err, status = 0, written;

	do {
		pause_for(options->interval);
		err = watch_turn(watch);
		if (err != 0)
			break;
		watch_sort(watch, by);
		if (json) {
			top_json(watch);
		} else {
			fputs(turn++ != 0 ? "\n" : "", stdout);
			top_table(stdout, watch, 0, watch->count, fit_limit());
		}
		if (fflush(stdout) != 0)
			return report(NULL, "standard output: %s", strerror(errno));
		/* Once, and again if the number changes. */
		if (once || missing != watch->unreadable + watch->failed)
			status = report_missing(watch);
		missing = watch->unreadable + watch->failed;
	} while (!once && !ferror(stdout));
	written = finish_output();
	if (err != 0)
		return report(NULL, QUEUES_DIRECTORY ": %s", strerror(err));
	return written != 0 ? written : status;
}

static enum watch_sort sort_of(const struct options *options)
{
	enum watch_sort by = 0;

	while (options->sort != NULL && strcmp(options->sort, watch_sorts[by]) != 0)
		by++;
	return by;
}

int run_top(const struct options *options, char **names, int count)
{
	enum watch_sort by = sort_of(options);
	struct watch watch;
	int err, status = -1;

	watch_start(&watch, count != 0 ? names[0] : "/");
	err = watch_turn(&watch);
	if (err != 0)
		return report(NULL, QUEUES_DIRECTORY ": %s", strerror(err));
	watch_sort(&watch, by);
	if (!given(options, OPTION_ONCE) && !given(options, OPTION_JSON) && top_screen_can())
		status = top_screen(&watch, by, options->interval);
	if (status < 0)
		status = print_turns(&watch, by, options);
	watch_stop(&watch);
	return status;
}
