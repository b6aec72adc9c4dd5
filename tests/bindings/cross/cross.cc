/* SPDX-License-Identifier: MIT */
/* cross.c in C++17. */
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <shmemq.hpp>
#include <string>
#include <string_view>
#include <unistd.h>

static std::uint64_t seed, count, stop = UINT64_MAX;

static std::uint64_t next(std::uint64_t word)
{
	return word * 6364136223846793005u + 1442695040888963407u;
}

static std::string make(std::uint64_t n)
{
	std::uint64_t word = next(next(seed * 0x9e3779b97f4a7c15u + n));
	std::string bytes((word >> 40) % (word >> 56 ? 160 : 6000), '\0');

	for (std::size_t i = 0; i < bytes.size(); i++) {
		if (i % 8 == 0)
			word = next(word);
		bytes[i] = static_cast<char>(word >> i % 8 * 8);
	}
	return bytes;
}

static shmemqpp::queue open_end(const std::string_view kind, const char *name, unsigned flags)
{
	::shmemq_attr attr{};

	attr.capacity = 65536;
	attr.flags = kind == "broadcast" ? SHMEMQ_ATTR_BROADCAST : 0;
	if (kind == "memfd")
		return shmemqpp::queue::fdopen(std::stoi(name), flags | SHMEMQ_STAY);
	return shmemqpp::queue(name, flags | SHMEMQ_STAY | SHMEMQ_CREATE, 0600, attr);
}

static void produce(shmemqpp::queue q)
{
	for (std::uint64_t n = q.stat().producer_mark; n < count; n++) {
		const auto type = static_cast<std::uint32_t>(n);
		const std::string bytes = make(n);

		q.mark(n + 1);
		if (n % 2 == 0 && n != stop) {
			q.push(bytes, type);
			continue;
		}
		auto slot = q.push_start(bytes.size());
		std::memcpy(slot.data(), bytes.data(), bytes.size());
		if (n == stop)
			std::raise(SIGKILL);
		slot.commit(bytes.size(), type);
	}
}

static void consume(shmemqpp::queue q, bool broadcast)
{
	std::cout << "open\n" << std::flush;
	for (std::uint64_t n = q.stat().consumer_mark; n < count; n++) {
		auto message = q.pop_start();

		if (message.type() != n || message.text() != make(n))
			throw std::runtime_error(std::to_string(n) + " expected, got " +
						 std::to_string(message.type()));
		std::cout << std::to_string(n) + (message.redelivered() ? " R\n" : "\n") << std::flush;
		if (n == stop)
			std::raise(SIGKILL);
		if (!broadcast)
			q.mark(n + 1);
		message.end();
	}
}

static int run(int argc, char **argv)
{
	const std::string_view role = argv[1], kind = argv[2];

	if (role == "start") {
		::shmemq_attr attr{};

		attr.capacity = 65536;
		::dup2(shmemqpp::memfd(attr), 0);
		::execvp(argv[2], argv + 2);
		return 1;
	}
	seed = std::stoull(argv[4]);
	count = std::stoull(argv[5]);
	if (argc > 6)
		stop = std::stoull(argv[6]);
	if (role == "producer")
		produce(open_end(kind, argv[3], SHMEMQ_PRODUCER));
	else
		consume(open_end(kind, argv[3], SHMEMQ_CONSUMER), kind == "broadcast");
	return 0;
}

int main(int argc, char **argv)
try {
	return argc < 3 ? 2 : run(argc, argv);
} catch (const std::exception &e) {
	std::cerr << "cross.cc: " << e.what() << '\n';
	return 1;
}
