/* SPDX-License-Identifier: MIT */
/* shmemq.hpp without exceptions: each method has a form with an error code, and objects let go in the right order. */
#include "cpp.h"

#include <cstring>

#ifdef __cpp_exceptions
#error compile this with -fno-exceptions
#endif

namespace
{

/* Can it be called without an error code? */
template <class Queue> constexpr auto has_throwing(int) -> decltype(std::declval<Queue>().interrupt(), true)
{
	return true;
}
template <class> constexpr bool has_throwing(...)
{
	return false;
}

template <class Queue> constexpr auto has_try(int) -> decltype(std::declval<Queue>().try_pop_start(), true)
{
	return true;
}
template <class> constexpr bool has_try(...)
{
	return false;
}

static_assert(!has_throwing<queue>(0) && !has_try<queue>(0), "it could not report errors");

void nothing_throws()
{
	queue q;
	shmemqpp::slot slot;
	shmemqpp::message message;
	std::error_code ec;
	const shmemq_attr attr{};
	shmemq_msg msg{};
	char buffer[1];

	static_assert(noexcept(queue::open("", 0, 0, attr, ec)) &&noexcept(queue::fdopen(0, 0, ec)));
	static_assert(noexcept(q.close(ec)) &&noexcept(q.pollfd(ec)) &&noexcept(q.interrupt(ec)));
	static_assert(noexcept(q.wait_peer({}, ec)) &&noexcept(q.wait_empty({}, ec)) &&noexcept(q.dupfd(ec)));
	static_assert(noexcept(q.push("", 0, {}, ec)) &&noexcept(q.pushv(nullptr, 0, 0, once, ec)));
	static_assert(noexcept(q.push_start(1, {}, ec)) &&noexcept(slot.commit(1, 0, ec)) &&noexcept(slot.cancel(ec)));
	static_assert(noexcept(q.pop(buffer, 1, nullptr, {}, ec)) &&noexcept(q.pop_start(forever, ec)));
	static_assert(noexcept(message.end(ec)) &&noexcept(q.getattr(ec)) &&noexcept(q.stat(ec)));
	static_assert(noexcept(q.pushm(&msg, 1, {}, ec)) &&noexcept(q.popm_start(&msg, 1, {}, ec)));
	static_assert(noexcept(q.popm_end(1, ec)) &&noexcept(shmemqpp::memfd(attr, ec)));
	static_assert(noexcept(q.popm_more(&msg, 1, {}, ec)) &&noexcept(q.mark(1, ec)));
	static_assert(noexcept(shmemqpp::unlink("", ec)));

	shmemqpp::set s;
	void *told;
	static_assert(noexcept(shmemqpp::set::open(ec)) &&noexcept(s.add(q, nullptr, ec)) &&noexcept(s.remove(q, ec)));
	static_assert(noexcept(s.wait(&told, 1, {}, ec)) &&noexcept(s.fd(ec)));
}

/* An empty handle fails every call, and every call says why. */
void empty()
{
	queue q;
	shmemq_msg msg{};
	char buffer[1] = {};
	iovec part{ buffer, 1 };
	std::error_code ec;
	const auto refused = [&] { return std::exchange(ec, {}) == std::errc::invalid_argument; };

	CHECK(!q && !q.redelivered() && q.native_handle() == nullptr);
	CHECK(!q.close(ec) && refused());
	CHECK(!q.push("x", 0, {}, ec) && refused());
	CHECK(!q.push("x", 0, once, ec) && refused());
	CHECK(!q.pushv(&part, 1, 0, {}, ec) && refused());
	CHECK(!q.pushv(&part, 1, 0, once, ec) && refused());
	CHECK(!q.push_start(1, {}, ec) && refused());
	CHECK(!q.push_start(1, once, ec) && refused());
	CHECK(q.pop(buffer, 1, nullptr, {}, ec) == -1 && refused());
	CHECK(q.pop(buffer, 1, nullptr, once, ec) == -1 && refused());
	CHECK(!q.pop_start({}, ec) && refused());
	CHECK(!q.pop_start(once, ec) && refused());
	CHECK(q.pushm(&msg, 1, {}, ec) == -1 && refused());
	CHECK(q.popm_start(&msg, 1, {}, ec) == -1 && refused());
	CHECK(q.popm_more(&msg, 1, {}, ec) == -1 && refused());
	CHECK(!q.popm_end(0, ec) && refused());
	CHECK(!q.mark(1, ec) && refused());
	CHECK(!q.wait_peer({}, ec) && refused());
	CHECK(!q.wait_empty({}, ec) && refused());
	iovec parts[2];
	CHECK(q.mapping(parts, ec) == -1 && refused());
	CHECK(q.dupfd(ec) == -1 && refused());
	CHECK(q.pollfd(ec) == -1 && refused());
	CHECK(!q.interrupt(ec) && refused());
	CHECK(q.getattr(ec).capacity == 0 && refused());
	CHECK(q.stat(ec).capacity == 0 && refused());
	CHECK(!shmemqpp::slot().commit(0, 0, ec) && refused());
	CHECK(!shmemqpp::slot().cancel(ec) && refused());
	CHECK(!shmemqpp::message().end(ec) && refused());

	shmemqpp::set s;
	void *told;
	CHECK(!s && s.native_handle() == nullptr && !s.add(q, nullptr, ec) && refused());
	CHECK(!s.remove(q, ec) && refused());
	CHECK(s.wait(&told, 1, once, ec) == -1 && refused() && s.fd(ec) == -1 && refused());
}

/* Every operation, from a name to its removal; each clears the error code. */
void all_there_is()
{
	const std::error_code before = std::make_error_code(std::errc::interrupted);
	std::error_code ec = before;
	const auto cleared = [&] { return !std::exchange(ec, before); };
	queue in = queue::open(name.c_str(), SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, {}, ec);

	CHECK(in && cleared());
	queue out = queue::open(name.c_str(), SHMEMQ_CONSUMER, 0, {}, ec);
	CHECK(out && cleared());
	CHECK(shmemqpp::unlink(name.c_str(), ec) && cleared());
	CHECK(in.getattr(ec).capacity == 1 << 20 && cleared());

	CHECK(in.wait_peer(1s, ec) && cleared() && in.wait_empty(1s, ec) && cleared());
	const int fd = in.dupfd(ec);
	CHECK(fd >= 0 && cleared() && queue::fdopen(fd, SHMEMQ_OBSERVER, ec) && cleared() && close(fd) == 0);

	CHECK(in.push("one", 1, {}, ec) && cleared());
	char text[] = "two";
	iovec part{ text, 3 };
	CHECK(in.pushv(&part, 1, 2, 1s, ec) && cleared());
	auto slot = in.push_start(5, {}, ec);
	CHECK(slot && cleared());
	std::memcpy(slot.data(), "three", 5);
	CHECK(slot.commit(5, 3, ec) && cleared());
	slot = in.push_start(5, once, ec);
	CHECK(slot && cleared() && slot.cancel(ec) && cleared());
	shmemq_msg msg{};
	msg.data = text, msg.size = 3;
	CHECK(in.pushm(&msg, 1, {}, ec) == 1 && cleared());
	CHECK(out.stat(ec).queued_messages == 4 && cleared());

	std::uint32_t type = 0;
	char buffer[8] = {};
	CHECK(out.pop(buffer, sizeof buffer, &type, {}, ec) == 3 && cleared() && type == 1);
	CHECK(std::memcmp(buffer, "one", 3) == 0);
	auto message = out.pop_start(1s, ec);
	CHECK(message.text() == "two" && message.type() == 2 && cleared() && message.end(ec) && cleared());
	CHECK(out.popm_start(&msg, 1, {}, ec) == 1 && cleared() && msg.type == 3);
	CHECK(out.popm_more(&msg, 1, {}, ec) == 1 && cleared() && msg.size == 3);
	CHECK(out.mark(7, ec) && cleared() && out.popm_end(1, ec) && cleared() && out.stat(ec).consumer_mark == 7);
	CHECK(cleared());
	CHECK(out.interrupt(ec) && cleared());
	CHECK(in.close(ec) && cleared() && !in);
	CHECK(out.pop_start({}, ec).size() == 3 && cleared());
	CHECK(!out.pop_start({}, ec) && ec == std::errc::broken_pipe);
	CHECK(ec.category() == std::generic_category());
}

/* What has been moved from is empty; what has been moved to itself is as before. */
void moved()
{
	pair p;
	std::error_code ec;

	auto slot = p.in.push_start(4, {}, ec);
	auto &same_slot = slot;
	slot = std::move(same_slot);
	CHECK(slot && slot.size() == 4);
	std::memcpy(slot.data(), "text", 4);
	auto other_slot = std::move(slot);
	CHECK(!slot && slot.data() == nullptr && slot.size() == 0); /* NOLINT: what it then is, is the test */
	CHECK(!slot.commit(4, 0, ec) && other_slot.commit(4, 7, ec));

	auto &same_queue = p.in;
	p.in = std::move(same_queue);
	CHECK(p.in && p.in.push("more", 0, {}, ec));

	auto message = p.out.pop_start({}, ec);
	auto &same_message = message;
	message = std::move(same_message);
	CHECK(message && message.text() == "text" && message.type() == 7 && p.queued() == 2);
	queue elsewhere = std::move(p.out); /* what the message refers to is not the object that was moved */
	auto other = std::move(message);
	CHECK(!message && message.data() == nullptr && message.type() == 0); /* NOLINT */
	CHECK(other.text() == "text" && other.end(ec) && elsewhere.stat(ec).queued_messages == 1);
	CHECK(other.type() == 0 && other.text().empty());
}

/* An assignment lets go of what the object has held, and not of what it gets. */
void assigned()
{
	pair a, b;
	std::error_code ec;

	CHECK(a.in.push("a", 0, {}, ec) && b.in.push("b", 0, {}, ec));
	auto message = a.out.pop_start({}, ec);
	auto other = b.out.pop_start({}, ec);
	message = std::move(other);
	CHECK(!other && a.queued() == 0 && b.queued() == 1 && message.text() == "b"); /* NOLINT: the test again */
	auto slot = a.in.push_start(1, {}, ec), other_slot = b.in.push_start(1, {}, ec);
	slot = std::move(other_slot);
	CHECK(a.in.push("a", 0, {}, ec)); /* the slot was cancelled */
	CHECK(!b.in.push("b", 0, {}, ec) && ec == std::errc::invalid_argument);
	a.in = queue();
	CHECK(a.pops("a") && !a.out.pop_start({}, ec) && ec == std::errc::broken_pipe);
}

/* Members and locals are destroyed in the reverse order: what is declared after its queue is released before it. */
void destroyed()
{
	struct consumer {
		queue q;
		shmemqpp::message held;
	};
	pair p;
	std::error_code ec;

	CHECK(p.in.push("first", 0, {}, ec) && p.in.push("second", 0, {}, ec));
	{
		consumer c{ std::move(p.out), {} };

		c.held = c.q.pop_start({}, ec);
		CHECK(c.held.text() == "first");
		consumer moved = std::move(c);
		CHECK(!c.q && !c.held && moved.held.text() == "first"); /* NOLINT */
	}
	CHECK(p.in.stat(ec).queued_messages == 1);
	CHECK(p.in.stat(ec).consumer == SHMEMQ_END_CLOSED);
}

} // namespace

int main()
{
	return run({
		{ "nothing_throws", nothing_throws },
		{ "empty", empty },
		{ "all_there_is", all_there_is },
		{ "moved", moved },
		{ "assigned", assigned },
		{ "destroyed", destroyed },
	});
}
