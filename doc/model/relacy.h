/* SPDX-License-Identifier: MIT */
/*
 * What the models in C++ share: names on the command line, the search, the futex, a death.
 *
 * Relacy runs the threads of a model one at a time and chooses, at each access to an atomic word, who runs next and
 * which value a load returns: the newest, or an older one that C11 still allows it. A plain variable (VAR_T) has no
 * such choice: two accesses to it that are not ordered are a data race, and the execution fails. So does one that ends
 * in a deadlock or goes on for ever, and one whose assertion does not hold.
 *
 * What it does not show:
 *  - It is no proof. The random search takes executions as they come, the same ones each time; the other one takes all
 *    that have at most so many preemptions. A load returns one of the three newest values, in the second search one of
 *    the two newest.
 *  - Each thread's stores come in the order of the program, and no load sees a store that is still to come. That two
 *    relaxed stores may change places shows in what another thread reads, but not in what a killed one leaves.
 *  - A compare-and-exchange that fails reads the newest value.
 *  - Two seq_cst fences order plain variables too, as in C11 they do not. So no model relies on a fence for these.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <streambuf>

#include <relacy/relacy.hpp>

using rl::mo_acquire;
using rl::mo_relaxed;
using rl::mo_release;
using rl::mo_seq_cst;

typedef rl::atomic<unsigned> atomic_word;

/* A variant of the model, or one of its mutants: chosen by -DNAME, as for spin, but when the program is run. */
class option
{
public:
	explicit option(const char *its_name) : name(its_name), chosen(false), next(all) { all = this; }

	operator bool() const { return chosen; }

	static bool choose(const char *name)
	{
		for (option *one = all; one != NULL; one = one->next) {
			if (strcmp(one->name, name) == 0)
				return one->chosen = true;
		}
		return false;
	}

private:
	const char *name;
	bool chosen;
	option *next;
	static option *all;
};

option *option::all;

#define OPTION(name) static option name(#name)

/* An ordering that a mutant weakens. */
static inline rl::memory_order unless(const option &mutant, rl::memory_order order)
{
	return mutant ? mo_relaxed : order;
}

/* The same for a fence. */
static inline void fence_unless(const option &mutant)
{
	if (!mutant)
		rl::atomic_thread_fence(mo_seq_cst, $);
}

/*
 * The futex. The kernel compares the word and queues the thread in one step, as far as a wake can tell. It reads the
 * newest value: had it read an older one, the wake that belongs to the change would be still to come, and find the
 * thread queued. A wake orders the waker before the woken, a comparison orders nothing. `timed`: the sleep also ends by
 * itself, at any time, and since that may be at once, it need not be a sleep. (Relacy has timed sleeps, but its search
 * with a bound may then go on with a thread that has finished.)
 */
static inline void futex_sleep(atomic_word &word, unsigned expected, bool timed)
{
	unsigned never = 0xdead, now = never;

	if (timed) {
		rl::yield(1, $);
		return;
	}
	word.compare_exchange_strong(now, never, mo_relaxed, $);
	if (now == expected)
		word.wait(rl::ctx(), false, false, $);
}

static inline void futex_wake(atomic_word &word, unsigned sleepers)
{
	rl::ctx().sched();
	word.wake(rl::ctx(), sleepers, $);
}

/* A process that is killed: between two of its steps. What it has stored stays. */
class mortal
{
public:
	struct died {
	};

	/* Dies at the `n`th step. */
	explicit mortal(unsigned n) : left(n) {}

	void step()
	{
		if (left-- == 0)
			throw died();
	}

private:
	unsigned left;
};

/* Where Relacy writes. Not a stringstream: Relacy would take its memory for the model's, and free it early. */
class report : public std::streambuf
{
public:
	explicit report(bool is_shown) : shown(is_shown) {}

private:
	bool shown;

	int overflow(int c)
	{
		if (shown && c != EOF)
			putchar(c);
		return 0;
	}
};

/* Runs one search. Returns what main() is to return: 0 if the model holds, else 1. */
template <typename model> static int search(rl::test_params &params, const char *how, bool history)
{
	report buffer(history);
	std::ostream stream(&buffer);

	params.output_stream = params.progress_stream = &stream;
	params.execution_depth_limit = 10000;
	if (rl::simulate<model>(params)) {
		printf("%llu executions %s", (unsigned long long)params.stop_iteration, how);
		return 0;
	}
	printf("%s, execution %llu %s\n", rl::test_result_str(params.test_result),
	       (unsigned long long)params.stop_iteration, how);
	return 1;
}

/* -DNAME chooses an option; --history has the execution that fails printed, if one does. */
static inline bool read_options(int argc, char **argv)
{
	bool history = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--history") == 0) {
			history = true;
		} else if (strncmp(argv[i], "-D", 2) != 0 || !option::choose(argv[i] + 2)) {
			fprintf(stderr, "%s: no option %s\n", argv[0], argv[i]);
			exit(2);
		}
	}
	return history;
}

/* Searches `executions` at random, then all with at most `preemptions`: that a thread has to wait is none. */
template <typename model> static int check(bool history, unsigned executions, unsigned preemptions)
{
	rl::test_params random, bound;
	char how[64];
	int result;

	random.search_type = rl::sched_random;
	random.iteration_count = executions;
	result = search<model>(random, "at random", history);
	if (result != 0)
		return result;
	fputs(", ", stdout);
	bound.search_type = rl::sched_bound;
	bound.context_bound = preemptions;
	snprintf(how, sizeof how, "with at most %u preemptions", preemptions);
	result = search<model>(bound, how, history);
	if (result == 0)
		putchar('\n');
	return result;
}
