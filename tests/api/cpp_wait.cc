/* SPDX-License-Identifier: MIT */
/* shmemq.hpp: how long the methods wait, what ends a wait, and what they say when there was nothing to do. */
#include "cpp.h"

#include <thread>

#include <poll.h>

namespace
{

constexpr std::int64_t ns(shmemqpp::timeout wait)
{
	return wait.ns();
}

/* Any duration, rounded up; too long ones are for ever, without an overflow on the way. */
void durations()
{
	using namespace std::chrono;
	constexpr auto most = std::numeric_limits<std::int64_t>::max();

	static_assert(!shmemqpp::timeout().given() && ns({}) < 0);
	static_assert(shmemqpp::timeout(0ns).given() && ns(0s) == 0 && ns(once) == 0 && ns(forever) == most);
	static_assert(ns(1ns) == 1 && ns(5ms) == 5000000 && ns(3h) == 10800000000000 && ns(7us) == 7000);
	static_assert(ns(-1ns) == -1 && ns(-3h) == -1 && ns(duration<double>(-1e-12)) == -1);
	static_assert(ns(duration<double>(1e-12)) == 1 && ns(duration<float>(0.5f)) == 500000000);
	static_assert(ns(duration<int, std::pico>(1001)) == 2 && ns(duration<int, std::pico>(1000)) == 1);
	static_assert(ns(hours::max()) == most && ns(hours::min()) == -1 && ns(nanoseconds::min()) == -1);
	static_assert(ns(duration<signed char, std::ratio<86400>>(100)) == 8640000000000000);
	static_assert(ns(duration<std::uint64_t, std::nano>(~std::uint64_t{ 0 })) == most);
	static_assert(ns(9999999999s) == most && ns(9199999999s) < most);
	CHECK(ns(duration<double>(1e300)) == most && ns(duration<double>(-1e300)) == -1);
	CHECK(ns(duration<double>(std::numeric_limits<double>::infinity())) == most);
	CHECK(ns(duration<double>(std::numeric_limits<double>::quiet_NaN())) == most);
}

/* What is left of a timeout is one too, and never negative, which would be for ever. */
void deadlines()
{
	using shmemqpp::deadline;
	const deadline past(once), soon(20ms), far(1h);
	const auto start = std::chrono::steady_clock::now();
	pair p;
	std::error_code ec;

	CHECK(deadline({}).left() == forever && deadline(-1s).left() == forever && deadline(forever).left() == forever);
	CHECK(past.left() == once && deadline(once).left() == once);
	CHECK(far.left() > 59min && far.left() <= 1h);
	CHECK(!p.out.pop_start(past.left(), ec) && ec == std::errc::resource_unavailable_try_again);
	while (soon.left() > once)
		CHECK(!p.out.try_pop_start(soon.left()));
	CHECK(std::chrono::steady_clock::now() - start >= 20ms);
}

/* Each form of a call without something to do waits as long as it was told, and reports what it should. */
template <class Plain, class Coded, class Try> void waits(Plain plain, Coded coded, Try try_)
{
	std::error_code ec;
	const auto start = std::chrono::steady_clock::now();

	coded(once, ec);
	CHECK(ec == std::errc::resource_unavailable_try_again);
	CHECK(thrown([&] { plain(once); }) == std::errc::resource_unavailable_try_again);
	CHECK(!try_(once));
	CHECK(thrown([&] { plain(20ms); }) == std::errc::timed_out);
	coded(20ms, ec);
	CHECK(ec == std::errc::timed_out);
	CHECK(!try_(20ms));
	CHECK(std::chrono::steady_clock::now() - start >= 60ms);
}

void full_and_empty()
{
	pair p;
	char buffer[1];
	iovec part = { buffer, 1 };

	waits([&](auto t) { (void)p.out.pop_start(t); }, [&](auto t, auto &ec) { (void)p.out.pop_start(t, ec); },
	      [&](auto t) { return !!p.out.try_pop_start(t); });
	waits([&](auto t) { p.out.pop(buffer, 1, nullptr, t); },
	      [&](auto t, auto &ec) { p.out.pop(buffer, 1, nullptr, t, ec); },
	      [&](auto t) { return !!p.out.try_pop(buffer, 1, nullptr, t); });
	p.fill();
	waits([&](auto t) { p.in.push("x", 0, t); }, [&](auto t, auto &ec) { p.in.push("x", 0, t, ec); },
	      [&](auto t) { return p.in.try_push("x", 0, t); });
	waits([&](auto t) { p.in.pushv(&part, 1, 0, t); }, [&](auto t, auto &ec) { p.in.pushv(&part, 1, 0, t, ec); },
	      [&](auto t) { return p.in.try_pushv(&part, 1, 0, t); });
	waits([&](auto t) { (void)p.in.push_start(1, t); }, [&](auto t, auto &ec) { (void)p.in.push_start(1, t, ec); },
	      [&](auto t) { return !!p.in.try_push_start(1, t); });
}

void for_a_peer()
{
	pair p(SHMEMQ_NONBLOCK);
	std::error_code ec;

	p.in.wait_peer();
	p.out.wait_peer({});
	CHECK(p.in.wait_peer(once, ec) && !ec && p.in.try_wait_peer());
	p.out.close();
	waits([&](auto t) { p.in.wait_peer(t); }, [&](auto t, auto &error) { p.in.wait_peer(t, error); },
	      [&](auto t) { return p.in.try_wait_peer(t); });
	queue none;
	CHECK(thrown([&] { none.wait_peer(); }) == std::errc::invalid_argument && !none.wait_peer({}, ec));
	CHECK(thrown([&] { none.try_wait_peer(); }) == std::errc::invalid_argument);
}

void for_an_empty_queue()
{
	pair p(SHMEMQ_NONBLOCK);
	std::error_code ec;

	p.in.wait_empty();
	p.in.wait_empty({});
	CHECK(p.in.wait_empty(once, ec) && !ec && p.in.try_wait_empty());
	p.in.push("x");
	waits([&](auto t) { p.in.wait_empty(t); }, [&](auto t, auto &error) { p.in.wait_empty(t, error); },
	      [&](auto t) { return p.in.try_wait_empty(t); });
	p.out.close();
	CHECK(thrown([&] { p.in.try_wait_empty(); }) == std::errc::broken_pipe);
	queue none;
	CHECK(thrown([&] { none.wait_empty(); }) == std::errc::invalid_argument && !none.wait_empty({}, ec));
}

/* {} is as the handle was opened. */
void nonblocking()
{
	pair p(SHMEMQ_NONBLOCK);
	std::error_code ec;

	CHECK(thrown([&] { (void)p.out.pop_start(); }) == std::errc::resource_unavailable_try_again);
	CHECK(!p.out.pop_start({}, ec) && ec == std::errc::resource_unavailable_try_again);
	CHECK(p.out.pop(nullptr, 0, nullptr, {}, ec) == -1 && ec == std::errc::resource_unavailable_try_again);
	p.fill();
	CHECK(thrown([&] { p.in.push("x"); }) == std::errc::resource_unavailable_try_again);
	CHECK(thrown([&] { p.in.pushv(nullptr, 0); }) == std::errc()); /* 8 bytes are left: a header, no more */
	CHECK(!p.in.push_start(1, {}, ec) && ec == std::errc::resource_unavailable_try_again);
}

/* {} and `forever` wait for what comes later. */
void blocking()
{
	pair p;
	std::thread late([&] {
		for (int i = 0; i < 3; i++) {
			std::this_thread::sleep_for(10ms);
			p.in.push("late");
		}
	});

	CHECK(p.pops("late"));
	CHECK(p.pops("late", forever));
	CHECK(p.pops("late", -1s));
	late.join();
}

void polled()
{
	pair p;
	std::error_code ec;
	pollfd ready = { p.out.pollfd(ec), POLLIN, 0 };

	if (ec == std::errc::too_many_files_open) {
		std::puts("skipped: no inotify instance");
		return;
	}
	CHECK(ready.fd >= 0 && p.out.pollfd(ec) == ready.fd && !ec);
	/* Readable at first, and at times for a while. */
	do
		CHECK(!p.out.try_pop_start());
	while (poll(&ready, 1, 10) != 0);
	p.in.push("x");
	CHECK(poll(&ready, 1, 10000) == 1 && p.out.try_pop_start());
	queue none;
	CHECK(none.pollfd(ec) == -1 && ec == std::errc::invalid_argument);
	CHECK(thrown([&] { none.pollfd(); }) == std::errc::invalid_argument);
}

void together()
{
	pair p, other;
	std::error_code ec;
	shmemqpp::set s = shmemqpp::set::open(ec);
	void *told[3];

	if (ec == std::errc::too_many_files_open) {
		std::puts("skipped: no inotify instance");
		return;
	}
	CHECK(s && !ec && s.add(p.out, &p, ec) && !ec);
	s.add(other.out, &other);
	CHECK(s.wait(told, 3) == 2 && s.wait(told, 3, 0s, ec) == 2 && !ec);
	/* Ready at first, and at times for a while. */
	for (int count; (count = s.try_wait(told, 3, 10ms)) != 0;) {
		while (count-- > 0)
			CHECK(!static_cast<pair *>(told[count])->out.try_pop_start());
	}
	other.in.push("x");
	CHECK(s.wait(told, 1, 10s) == 1 && told[0] == &other && other.out.try_pop_start());
	CHECK(s.fd() >= 0 && s.fd(ec) == s.fd());
	s.remove(other.out);
	CHECK(thrown([&] { s.remove(other.out); }) == std::errc::no_such_file_or_directory);
	CHECK(!s.remove(other.out, ec) && ec == std::errc::no_such_file_or_directory);
	CHECK(thrown([&] { s.add(p.out, nullptr); }) == std::errc::device_or_resource_busy);
	CHECK(thrown([&] { (void)s.try_wait(told, 0); }) == std::errc::invalid_argument);
	shmemqpp::set none, moved = std::move(s);
	CHECK(moved && !s && thrown([&] { (void)none.fd(); }) == std::errc::invalid_argument);
	CHECK(shmemqpp::set::open());
}

void interrupted()
{
	pair p;
	std::error_code ec;

	p.out.interrupt();
	CHECK(thrown([&] { (void)p.out.pop_start(); }) == std::errc::operation_canceled);
	CHECK(p.out.interrupt(ec) && !ec);
	CHECK(thrown([&] { (void)p.out.try_pop_start(forever); }) == std::errc::operation_canceled);
	queue none;
	CHECK(thrown([&] { none.interrupt(); }) == std::errc::invalid_argument && !none.interrupt(ec));
	CHECK(thrown([&] { (void)none.getattr(); }) == std::errc::invalid_argument);
	CHECK(thrown([&] { (void)none.stat(); }) == std::errc::invalid_argument);
}

void followed()
{
	const int fd = shmemqpp::memfd();
	queue in = queue::fdopen(fd, SHMEMQ_PRODUCER), out = queue::fdopen(fd, SHMEMQ_CONSUMER);
	queue follower = queue::fdopen(fd, SHMEMQ_FOLLOWER);
	std::error_code ec;
	char buffer[8];

	::close(fd);
	in.push("one", 1);
	in.push("two", 2);
	std::uint32_t type = 0;
	CHECK(follower.pop(buffer, sizeof buffer, &type) == 3 && type == 1);
	CHECK(follower.seek(SHMEMQ_NEWEST) == 1);
	CHECK(!follower.try_pop(buffer, sizeof buffer, nullptr, once));
	CHECK(follower.seek(SHMEMQ_OLDEST, ec) == 0 && !ec);
	CHECK(follower.pop(buffer, sizeof buffer, &type) == 3 && type == 1);
	CHECK(thrown([&] { out.seek(SHMEMQ_OLDEST); }) == std::errc::bad_file_descriptor);
	CHECK(follower.seek(7, ec) == 0 && ec == std::errc::invalid_argument);
}

} // namespace

int main()
{
	return run({
		{ "durations", durations },
		{ "deadlines", deadlines },
		{ "full_and_empty", full_and_empty },
		{ "for_a_peer", for_a_peer },
		{ "for_an_empty_queue", for_an_empty_queue },
		{ "nonblocking", nonblocking },
		{ "blocking", blocking },
		{ "polled", polled },
		{ "together", together },
		{ "interrupted", interrupted },
		{ "followed", followed },
	});
}
