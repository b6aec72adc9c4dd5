/* SPDX-License-Identifier: MIT */
/* Prints messages in a coroutine until the producer closes: asio /NAME
   g++ -std=c++20 asio.cc -o asio $(pkg-config --cflags --libs libshmemq) */
#include <shmemq.hpp>

#include <boost/asio.hpp>
#include <iostream>

namespace asio = boost::asio;
using asio::use_awaitable;
using descriptor = asio::posix::stream_descriptor;

/* Lends a queue's descriptor to Asio, which would close it at the end. */
class watch
{
	descriptor descriptor_;

public:
	watch(asio::any_io_executor executor, shmemqpp::queue &q)
		: descriptor_(executor, q.pollfd())
	{
	}
	~watch() { descriptor_.release(); }
	watch(const watch &) = delete;
	watch &operator=(const watch &) = delete;
	auto readable()
	{
		return descriptor_.async_wait(descriptor::wait_read,
					      use_awaitable);
	}
};

/* Throws broken_pipe if the producer has closed, owner_dead if it died. Asio
   reports a descriptor once each time it becomes readable, which takes a pop
   that fails: wait after such a pop only. */
static asio::awaitable<void> print_all(shmemqpp::queue &q)
{
	constexpr int at_a_time = 100; /* then other coroutines run */
	auto executor = co_await asio::this_coro::executor;
	watch watched(executor, q);

	for (;;) {
		for (int i = 0; i < at_a_time; i++) {
			if (auto message = q.try_pop_start()) {
				std::cout << message.text() << '\n';
				continue;
			}
			std::cout.flush();
			co_await watched.readable();
		}
		co_await asio::post(executor, use_awaitable);
	}
}

int main(int argc, char **argv)
try {
	const char *name = argc > 1 ? argv[1] : "/hello";
	shmemqpp::queue q(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE);
	asio::io_context loop;
	std::exception_ptr end;

	asio::co_spawn(loop, print_all(q),
		       [&end](std::exception_ptr e) { end = e; });
	loop.run();
	try {
		std::rethrow_exception(end);
	} catch (const std::system_error &error) {
		if (error.code() != std::errc::broken_pipe)
			throw; /* owner_dead: the producer was killed */
	}
	q.close();
	shmemqpp::unlink(name);
	return 0;
} catch (const std::exception &error) {
	std::cerr << error.what() << '\n';
	return 1;
}
