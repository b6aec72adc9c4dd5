/* SPDX-License-Identifier: MIT */
/* shmemq.hpp: each method of opening and pushing calls the right function, says what failed, and lets go once. */
#include "cpp.h"

#include <array>
#include <cstring>
#include <list>

namespace
{

void open_and_close()
{
	std::error_code ec;
	queue q(name.c_str(), SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL);

	CHECK(q && q.native_handle() != nullptr && q.getattr().capacity == 1 << 20);
	CHECK(thrown([] { queue(name.c_str(), SHMEMQ_PRODUCER); }) == std::errc::device_or_resource_busy);
	CHECK(!queue::open(name.c_str(), SHMEMQ_PRODUCER, 0, {}, ec) && ec == std::errc::device_or_resource_busy);
	CHECK(queue::open(name.c_str(), SHMEMQ_CONSUMER, 0, {}, ec) && !ec);
	q.close();
	CHECK(!q && q.native_handle() == nullptr);
	shmemqpp::unlink(name.c_str());
	CHECK(thrown([] { shmemqpp::unlink(name.c_str()); }) == std::errc::no_such_file_or_directory);
	CHECK(!shmemqpp::unlink(name.c_str(), ec) && ec == std::errc::no_such_file_or_directory);
	q = queue(name.c_str(), SHMEMQ_CONSUMER | SHMEMQ_CREATE);
	CHECK(shmemqpp::unlink(name.c_str(), ec) && !ec && q.close(ec) && !ec);
}

void by_descriptor()
{
	std::error_code ec;
	shmemq_attr attr{};
	const int fd = shmemqpp::memfd(attr, ec);

	CHECK(fd >= 0 && !ec);
	queue q = queue::fdopen(fd, SHMEMQ_PRODUCER);
	CHECK(queue::fdopen(fd, SHMEMQ_CONSUMER, ec) && !ec);
	CHECK(!queue::fdopen(fd, SHMEMQ_PRODUCER, ec) && ec == std::errc::device_or_resource_busy);
	const int copy = q.dupfd(), other = q.dupfd(ec);
	CHECK(copy > fd && other > copy && !ec && queue::fdopen(copy, SHMEMQ_OBSERVER));
	CHECK(::close(copy) == 0 && ::close(other) == 0);
	queue none;
	iovec parts[2] = {};
	CHECK(q.mapping(parts) == 1 && q.mapping(parts, ec) == 1 && parts[0].iov_len != 0);
	CHECK(thrown([&] { none.mapping(parts); }) == std::errc::invalid_argument);
	CHECK(thrown([&] { none.dupfd(); }) == std::errc::invalid_argument && none.dupfd(ec) == -1 && ec);
	::close(fd);
	CHECK(thrown([] { queue::fdopen(-1, SHMEMQ_PRODUCER); }) == std::errc::bad_file_descriptor);
	attr.flags = ~0u;
	CHECK(shmemqpp::memfd(attr, ec) == -1 && ec == std::errc::invalid_argument);
	CHECK(thrown([&] { shmemqpp::memfd(attr); }) == std::errc::invalid_argument);
}

/* The claim moves with the object, and ends once. */
void moved_queue()
{
	pair p;
	queue other(std::move(p.in));

	CHECK(!p.in && other); /* NOLINT: what a moved-from handle does is the test */
	other.push("x");
	CHECK(thrown([&] { p.in.push("x"); }) == std::errc::invalid_argument);
	CHECK(thrown([&] { p.in.close(); }) == std::errc::invalid_argument);
	p.in = std::move(other);
	p.in.push("y");
	CHECK(p.queued() == 2);

	pair second;
	p.in = std::move(second.in); /* closes the first */
	CHECK(p.out.try_pop_start());
	CHECK(p.out.try_pop_start());
	CHECK(thrown([&] { (void)p.out.try_pop_start(); }) == std::errc::broken_pipe);
	{
		queue gone(p.in.release());
		CHECK(!p.in);
	}
	CHECK(thrown([&] { (void)second.out.try_pop_start(); }) == std::errc::broken_pipe);
}

/* Everything that a push takes, and its type. */
void what_is_pushed()
{
	pair p;
	const std::array<std::uint16_t, 2> values{ 0x4141, 0x4242 };
	std::uint32_t plain[] = { 1, 2, 3 };
	char buffer[8] = "buffer";
	const char magic[] = { 'S', 'M', 'Q', '1' }, padded[6] = "text";
	const unsigned char octets[] = { 'o', 0 };
	const struct {
		shmemqpp::bytes bytes;
		std::string_view text;
	} cases[] = {
		{ "literal", "literal" },
		{ "", "" },
		{ "with\0zero", "with\0zero"sv },
		{ magic, "SMQ1" },
		{ padded, "text\0"sv },
		{ { padded, 4 }, "text" },
		{ octets, "o\0"sv },
		{ u"AA", { reinterpret_cast<const char *>(u"AA"), 4 } },
		{ L"", "" },
		{ u8"utf-8", "utf-8" },
		{ "view"sv, "view" },
		{ { buffer, 3 }, "buf" },
		{ { nullptr, 0 }, "" },
		{ values, "AABB" },
		{ plain, { reinterpret_cast<const char *>(plain), sizeof plain } },
		{ std::vector<char>(), "" },
	};
	std::uint32_t type = 0;

	p.in.push("a string of the call's own"s, 77);
	CHECK(p.pops("a string of the call's own"));
	for (const auto &c : cases) {
		p.in.push(c.bytes, ++type);
		auto message = p.out.pop_start();
		CHECK(message.text() == c.text && message.type() == type && message.size() == c.text.size());
	}
	static_assert(!std::is_constructible_v<shmemqpp::bytes, char(&)[8]>, "how much of it?");
	static_assert(!std::is_constructible_v<shmemqpp::bytes, wchar_t(&)[8]>, "how much of it?");
	static_assert(!std::is_constructible_v<shmemqpp::bytes, const char *>, "how much of it?");
	static_assert(!std::is_constructible_v<shmemqpp::bytes, std::vector<std::string>>, "no plain values");
	static_assert(!std::is_constructible_v<shmemqpp::bytes, std::list<char>>, "not contiguous");
}

void pushes()
{
	pair p;
	std::error_code ec = std::make_error_code(std::errc::interrupted);
	const std::vector<char> big(p.message_max() + 1);
	iovec parts[] = { { const_cast<char *>("ab"), 2 }, { const_cast<char *>("cde"), 3 } };

	CHECK(p.in.push("one", 1, {}, ec) && !ec);
	CHECK(p.in.try_push("two", 2));
	p.in.pushv(parts, 2, 3);
	CHECK(p.in.pushv(parts, 2, 4, {}, ec) && !ec);
	CHECK(p.in.try_pushv(parts, 1, 5));
	CHECK(!p.in.push(big, 0, {}, ec) && ec == std::errc::message_size);
	CHECK(thrown([&] { p.in.push(big); }) == std::errc::message_size);
	CHECK(thrown([&] { p.in.try_push(big); }) == std::errc::message_size);
	CHECK(thrown([&] { p.in.pushv(parts, -1); }) == std::errc::invalid_argument);
	CHECK(thrown([&] { p.in.try_pushv(parts, -1); }) == std::errc::invalid_argument);
	const std::string_view expected[] = { "one", "two", "abcde", "abcde", "ab" };
	std::uint32_t type = 0;
	for (auto text : expected) {
		auto message = p.out.pop_start();
		CHECK(message.text() == text && message.type() == ++type);
	}
	CHECK(thrown([&] { p.out.push("x"); }) == std::errc::bad_file_descriptor);
}

void slots()
{
	pair p;
	std::error_code ec;
	{
		auto slot = p.in.push_start(100);

		CHECK(slot && slot.data() != nullptr && slot.size() == 100);
		CHECK(thrown([&] { (void)p.in.push_start(1); }) == std::errc::invalid_argument);
		std::memcpy(slot.data(), "hundred", 7);
		CHECK(!slot.commit(101, 0, ec) && ec == std::errc::invalid_argument && slot);
		CHECK(thrown([&] { slot.commit(101); }) == std::errc::invalid_argument && slot);
		slot.commit(7, 7);
		CHECK(!slot && slot.data() == nullptr && slot.size() == 0);
		CHECK(!slot.commit(7, 7, ec) && ec == std::errc::invalid_argument);
		CHECK(!slot.cancel(ec) && thrown([&] { slot.cancel(); }) == std::errc::invalid_argument);
	}
	CHECK(p.queued() == 1 && p.pops("hundred"));
	{
		auto forgotten = p.in.push_start(10, {}, ec);
		CHECK(forgotten && !ec);
	}
	{
		auto slot = p.in.try_push_start(10);
		auto moved = std::move(slot);
		CHECK(!slot && moved && moved.size() == 10); /* NOLINT */
		moved.cancel();
	}
	{
		auto slot = p.in.push_start(10);
		CHECK(slot.cancel(ec) && !ec);
		slot = p.in.push_start(3);
		std::memcpy(slot.data(), "abc", 3);
		CHECK(slot.commit(3, 0, ec) && !ec);
	}
	CHECK(p.queued() == 1);
	CHECK(thrown([&] { (void)p.in.push_start(p.message_max() + 1); }) == std::errc::message_size);
	CHECK(!p.in.push_start(p.message_max() + 1, {}, ec) && ec == std::errc::message_size);
	CHECK(thrown([&] { (void)p.in.try_push_start(p.message_max() + 1); }) == std::errc::message_size);
}

/* An exception between start and commit leaves no message and the queue in order. */
void slot_and_exception()
{
	pair p;

	try {
		auto slot = p.in.push_start(8);
		throw 1;
	} catch (int) {
	}
	p.in.push("after");
	CHECK(p.pops("after"));
}

} // namespace

int main()
{
	return run({
		{ "open_and_close", open_and_close },
		{ "by_descriptor", by_descriptor },
		{ "moved_queue", moved_queue },
		{ "what_is_pushed", what_is_pushed },
		{ "pushes", pushes },
		{ "slots", slots },
		{ "slot_and_exception", slot_and_exception },
	});
}
