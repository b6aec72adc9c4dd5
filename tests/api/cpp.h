/* SPDX-License-Identifier: MIT */
/* What the C++ suites share, also without exceptions. No Check: a condition that does not hold ends the program. */
#ifndef TESTS_CPP_H
#define TESTS_CPP_H

#include <shmemq.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using shmemqpp::forever;
using shmemqpp::once;
using shmemqpp::queue;

inline std::string name; /* of the running test's queue */

#define CHECK(condition)                                                                             \
	do {                                                                                         \
		if (!(condition)) {                                                                  \
			std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			shmemq_unlink(name.c_str());                                                 \
			std::_Exit(1);                                                               \
		}                                                                                    \
	} while (0)

#ifdef __cpp_exceptions
/* Which error `call` throws; none if it returns. */
template <class Call> std::error_code thrown(Call call)
{
	try {
		call();
	} catch (const std::system_error &error) {
		CHECK(std::string(error.what()).find("shmemq_") == 0);
		return error.code();
	}
	return {};
}
#endif

/* Both ends of a queue. */
struct pair {
	queue in, out;

	explicit pair(unsigned flags = 0, std::uint64_t capacity = 4096)
	{
		shmemq_attr attr{};
		std::error_code ec;

		attr.capacity = capacity;
		const int fd = shmemqpp::memfd(attr, ec);
		in = queue::fdopen(fd, SHMEMQ_PRODUCER | flags, ec);
		out = queue::fdopen(fd, SHMEMQ_CONSUMER | flags, ec);
		CHECK(in && out);
		::close(fd);
	}
	std::uint64_t queued() const
	{
		std::error_code ec;
		return out.stat(ec).queued_messages;
	}
	std::size_t message_max() const
	{
		std::error_code ec;
		return out.getattr(ec).message_max;
	}
	bool pops(std::string_view text, shmemqpp::timeout wait = {})
	{
		std::error_code ec;
		const auto message = out.pop_start(wait, ec);

		return message && message.text() == text;
	}
	void fill()
	{
		const std::vector<char> most(message_max() - 8);
		std::error_code ec;

		CHECK(in.push(most, 0, once, ec));
	}
};

struct test {
	const char *name;
	void (*run)();
};

/* What main() returns. */
template <std::size_t n> int run(const test (&tests)[n])
{
	if (access("/proc/self/fd", F_OK) != 0) {
		std::puts("skipped: no /proc, by which shmemq_fdopen() claims an end");
		return 77;
	}
	name = "/shmemq-test-cpp-" + std::to_string(getpid());
	alarm(60);
	for (const auto &test : tests) {
		std::printf("%s\n", test.name);
		std::fflush(stdout);
		test.run();
	}
	std::printf("100%%: Checks: %zu, Failures: 0, Errors: 0\n", n);
	return 0;
}

#endif
