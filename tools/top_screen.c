/* SPDX-License-Identifier: MIT */
/* top on a terminal: a table that changes in place, and keys. */
#include "config.h"

#include "top.h"

#ifdef HAVE_NCURSES

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Functions, where the names of the macros are words of this program. */
#define NCURSES_NOMACROS
#include <ncurses.h>
#include <term.h>

#include "report.h"
#include "stop.h"

#define HEAD_LINES 2               /* what is shown, and the titles */
#define FAR_NS     (INT64_MAX / 2) /* more is no other interval, and no time on the clock */

struct view {
	struct watch *watch;
	enum watch_sort by;
	size_t first;       /* of the queues, that the table begins with */
	bool over;          /* the user has quit */
	sigset_t unblocked; /* the signals that a wait lets in */
};

int top_screen_can(void)
{
	const char *move;
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return 0;
	move = tigetstr("cup");
	err = move == NULL || move == (const char *)-1; /* as on a "dumb" terminal */
	del_curterm(cur_term);
	return !err;
}

static size_t rows_of(void)
{
	return LINES > HEAD_LINES ? (size_t)(LINES - HEAD_LINES) : 0;
}

static void draw_head(const struct view *view)
{
	char text[200], missing[60] = "";
	size_t lost = view->watch->unreadable + view->watch->failed;

	if (lost != 0)
		snprintf(missing, sizeof missing, ", %zu not readable", lost);
	snprintf(text, sizeof text, "%zu queues%s, by %s   q: quit, s: sort, arrows: scroll", view->watch->count,
		 missing, watch_sorts[view->by]);
	mvinsstr(0, 0, text); /* not mvaddstr(): what is too long for the line goes on in the next */
}

static void draw(struct view *view)
{
	size_t rows = rows_of(), count = view->watch->count, bytes = 0, last = count > rows ? count - rows : 0;
	char *text = NULL, *line;
	FILE *out = open_memstream(&text, &bytes);

	if (out == NULL)
		return; /* no memory: the next turn may have some */
	if (view->first > last)
		view->first = last;
	top_table(out, view->watch, view->first, count < rows ? count : rows, (size_t)COLS);
	fclose(out);
	erase();
	draw_head(view);
	line = text;
	for (int y = HEAD_LINES - 1; y < LINES && *line != '\0'; y++) {
		size_t length = strcspn(line, "\n");

		attrset(y == HEAD_LINES - 1 ? A_REVERSE : A_NORMAL);
		mvinsnstr(y, 0, line, (int)length); /* see draw_head() */
		line += length + (line[length] == '\n');
	}
	attrset(A_NORMAL);
	refresh();
	free(text);
}

static void scroll_by(struct view *view, size_t rows, bool down)
{
	if (down)
		view->first += rows; /* draw() limits it */
	else
		view->first = view->first > rows ? view->first - rows : 0;
}

static void obey(struct view *view, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		view->over = true;
		break;
	case 's':
		view->by = (view->by + 1) % WATCH_SORTS;
		view->first = 0;
		watch_sort(view->watch, view->by);
		break;
	case KEY_UP:
	case KEY_DOWN:
		scroll_by(view, 1, key == KEY_DOWN);
		break;
	case KEY_PPAGE:
	case KEY_NPAGE:
		scroll_by(view, rows_of(), key == KEY_NPAGE);
		break;
	case KEY_HOME:
		view->first = 0;
		break;
	case KEY_END:
		view->first = view->watch->count;
		break;
	case 'L' & 0x1f: /* Ctrl-L: all of it, whatever has been written over it */
		clearok(curscr, TRUE);
		break;
	default: /* KEY_RESIZE needs no more than to be drawn again */
		break;
	}
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Obeys keys until `due`. Signals come in while it waits, and only then, so none is missed before a wait. */
static void serve(struct view *view, int64_t due)
{
	int64_t left;
	int key;

	while (!view->over && stop_signal == 0 && (left = due - now_ns()) > 0) {
		struct timespec timeout = { .tv_sec = (time_t)(left / 1000000000),
					    .tv_nsec = (long)(left % 1000000000) };
		struct pollfd terminal = { .fd = STDIN_FILENO, .events = POLLIN };
		int ready = ppoll(&terminal, 1, &timeout, &view->unblocked);

		if (ready < 0 && errno != EINTR)
			view->over = true;
		/* Also after EINTR: that was SIGWINCH, of which getch() tells. */
		if (ready != 0) {
			bool any = false;

			for (; (key = getch()) != ERR; any = true)
				obey(view, key);
			if (any)
				draw(view);
			else if (ready > 0)
				view->over = true; /* readable, and nothing to read: the terminal is gone */
		}
	}
}

/* The terminal is set up when this is called, and restored by the caller. */
static int show_turns(struct view *view, int64_t interval_ns)
{
	int64_t due = now_ns();
	int err = 0;

	if (interval_ns > FAR_NS)
		interval_ns = FAR_NS;
	while (!view->over && stop_signal == 0 && err == 0) {
		draw(view);
		due += interval_ns;
		if (due < now_ns())
			due = now_ns() + interval_ns; /* it was stopped, or the machine slept */
		serve(view, due);
		if (view->over || stop_signal != 0)
			break;
		err = watch_turn(view->watch);
		if (err == 0)
			watch_sort(view->watch, view->by);
	}
	return err;
}

int top_screen(struct watch *watch, enum watch_sort by, int64_t interval_ns)
{
	struct view view = { .watch = watch, .by = by };
	sigset_t stopping;
	SCREEN *screen;
	int err;

	setlocale(LC_CTYPE, ""); /* by which ncurses knows the bytes of a character */
	sigemptyset(&stopping);
	sigaddset(&stopping, SIGHUP);
	sigaddset(&stopping, SIGINT);
	sigaddset(&stopping, SIGTERM);
	sigaddset(&stopping, SIGWINCH);
	/* NULL for the name: that of TERM. Unlike initscr() it does not end the process where TERM is unknown. */
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return -1;
	stop_begin(NULL); /* in place of what ncurses does at a signal, which is to exit */
	sigprocmask(SIG_BLOCK, &stopping, &view.unblocked);
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	err = show_turns(&view, interval_ns);
	endwin();
	delscreen(screen);
	sigprocmask(SIG_SETMASK, &view.unblocked, NULL);
	stop_obey();
	if (err != 0)
		return report(NULL, QUEUES_DIRECTORY ": %s", strerror(err));
	return finish_output();
}

#else

int top_screen_can(void)
{
	return 0;
}

int top_screen(struct watch *watch, enum watch_sort by, int64_t interval_ns)
{
	(void)watch;
	(void)by;
	(void)interval_ns;
	return -1;
}

#endif
