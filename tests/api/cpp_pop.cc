/* SPDX-License-Identifier: MIT */
/* shmemq.hpp: each method of popping calls the right function, says what failed, and lets go once. */
#include "cpp.h"

#include <cstring>

#include <sys/wait.h>

namespace
{

/* Can it be called, on an object or on a temporary? */
template <class Held> constexpr auto has_text(int) -> decltype(std::declval<Held>().text(), true)
{
	return true;
}
template <class> constexpr bool has_text(...)
{
	return false;
}
template <class Held> constexpr auto has_data(int) -> decltype(std::declval<Held>().data(), true)
{
	return true;
}
template <class> constexpr bool has_data(...)
{
	return false;
}

void messages()
{
	pair p;
	std::error_code ec;

	for (int i = 0; i < 4; i++)
		p.in.push("message", 9);
	{
		auto first = p.out.pop_start();
		std::string_view view = first;

		CHECK(first && view == "message" && first.type() == 9 && !first.redelivered());
		CHECK(thrown([&] { (void)p.out.pop_start(); }) == std::errc::invalid_argument);
		CHECK(p.queued() == 4); /* held, not gone */
		auto second = std::move(first);
		CHECK(!first && first.data() == nullptr && first.text().empty()); /* NOLINT */
		CHECK(second && second.type() == 9 && second.text().data() == view.data());
		{
			auto moved_from = std::move(first);
		}
		CHECK(p.queued() == 4); /* what had been moved from ended nothing */
		second.end();
		CHECK(p.queued() == 3 && !second && second.size() == 0);
		CHECK(thrown([&] { second.end(); }) == std::errc::invalid_argument);
		CHECK(!second.end(ec) && ec == std::errc::invalid_argument);
	}
	CHECK(p.queued() == 3);
	{
		auto message = p.out.pop_start({}, ec);
		CHECK(!ec && message.end(ec) && !ec);
		message = p.out.try_pop_start();
		CHECK(p.queued() == 2);
		message = {}; /* ends it */
		CHECK(p.queued() == 1);
		message = p.out.pop_start();
		/* The right side comes first: the next message is asked for while this one is held. */
		CHECK(thrown([&] { message = p.out.pop_start(); }) == std::errc::invalid_argument && message);
	}
	CHECK(p.queued() == 0);
	static_assert(!std::is_convertible_v<shmemqpp::message, std::string_view>, "the view would dangle");
	static_assert(has_text<const shmemqpp::message &>(0) && !has_text<shmemqpp::message>(0), "the same");
	static_assert(has_data<const shmemqpp::message &>(0) && !has_data<shmemqpp::message>(0), "the same");
	static_assert(has_data<const shmemqpp::slot &>(0) && !has_data<shmemqpp::slot>(0), "the same");
	static_assert(!std::is_copy_constructible_v<shmemqpp::message> && !std::is_copy_constructible_v<queue>);
	static_assert(std::is_nothrow_move_constructible_v<shmemqpp::message> &&
		      std::is_nothrow_move_assignable_v<shmemqpp::slot> && std::is_nothrow_move_assignable_v<queue>);
}

void redelivered()
{
	const int fd = shmemqpp::memfd();
	queue in = queue::fdopen(fd, SHMEMQ_PRODUCER);
	int status = 1;

	in.push("once more");
	const pid_t pid = fork();
	if (pid == 0) {
		queue out = queue::fdopen(fd, SHMEMQ_CONSUMER);
		auto message = out.pop_start();

		std::_Exit(message.redelivered()); /* and nothing is destroyed */
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	queue out = queue::fdopen(fd, SHMEMQ_CONSUMER);
	CHECK(out.pop_start().redelivered());
	CHECK(out.redelivered());
	in.push("another");
	char text[8];
	CHECK(out.pop(text, sizeof text) == 7 && !out.redelivered());
	::close(fd);
}

void copying_pops()
{
	pair p;
	std::error_code ec;
	std::uint32_t type = 0;
	char buffer[8];

	for (int i = 0; i < 3; i++)
		p.in.push("text", 5);
	CHECK(p.out.pop(buffer, sizeof buffer, &type) == 4 && std::memcmp(buffer, "text", 4) == 0 && type == 5);
	CHECK(p.out.pop(buffer, 3, nullptr, {}, ec) == -1 && ec == std::errc::message_size);
	CHECK(thrown([&] { p.out.pop(buffer, 3); }) == std::errc::message_size);
	CHECK(thrown([&] { p.out.try_pop(buffer, 3); }) == std::errc::message_size);
	CHECK(p.out.pop(buffer, 4, &type, {}, ec) == 4 && !ec);
	CHECK(p.out.try_pop(buffer, 8) == std::optional<std::size_t>(4));
	CHECK(!p.out.try_pop(buffer, 8));
	p.in.push("");
	CHECK(p.out.try_pop(nullptr, 0) == std::optional<std::size_t>(0));
}

void batches()
{
	pair p;
	std::error_code ec;
	shmemq_msg msgs[4] = {};

	for (auto &msg : msgs)
		msg.data = const_cast<char *>("ab"), msg.size = 2, msg.type = 4;
	CHECK(p.in.pushm(msgs, 3) == 3 && p.in.pushm(msgs, 1, once, ec) == 1 && !ec);
	CHECK(p.out.popm_start(msgs, 4) == 4 && msgs[3].type == 4 && msgs[3].size == 2);
	CHECK(thrown([&] { p.out.popm_end(5); }) == std::errc::invalid_argument);
	CHECK(thrown([&] { p.out.popm_more(msgs, 1, once); }) == std::errc::resource_unavailable_try_again);
	p.in.push("more");
	CHECK(p.out.popm_more(msgs, 4) == 1 && msgs[0].size == 4);
	p.out.mark(9);
	p.out.popm_end(2);
	CHECK(p.out.stat().consumer_mark == 9);
	CHECK(thrown([&] { shmemqpp::queue().mark(1); }) == std::errc::invalid_argument);
	CHECK(p.queued() == 3 && p.out.popm_start(msgs, 4, 1s, ec) == 3 && !ec && p.out.popm_end(3, ec) && !ec);
	CHECK(!p.out.popm_end(0, ec) && ec == std::errc::invalid_argument);
	CHECK(p.out.popm_start(msgs, 4, once, ec) == -1 && ec == std::errc::resource_unavailable_try_again);
	CHECK(thrown([&] { p.out.popm_start(msgs, 4, 1ms); }) == std::errc::timed_out);
	CHECK(thrown([&] { p.in.pushm(nullptr, 1); }) == std::errc::invalid_argument);
	CHECK(p.in.pushm(nullptr, 1, {}, ec) == -1 && ec == std::errc::invalid_argument);
}

/* In a forked child the handle and what it holds are the parent's: nothing in the child ends them. */
void forked()
{
	pair p;

	p.in.push("parent's");
	auto message = p.out.pop_start();
	const pid_t pid = fork();
	if (pid == 0) {
		std::error_code ec;
		const bool refused = !message.end(ec) && ec == std::errc::operation_not_permitted && message;

		message = {};
		{
			queue in(std::move(p.in)), out(std::move(p.out));
		}
		std::_Exit(!refused);
	}
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(p.queued() == 1 && message.text() == "parent's");
	message.end();
	CHECK(p.queued() == 0);
	p.in.push("still open");
}

} // namespace

int main()
{
	return run({
		{ "messages", messages },
		{ "redelivered", redelivered },
		{ "copying_pops", copying_pops },
		{ "batches", batches },
		{ "forked", forked },
	});
}
