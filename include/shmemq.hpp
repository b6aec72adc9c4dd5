/* SPDX-License-Identifier: MIT */
/*
 * libshmemq for C++17 and later: the functions of shmemq.h as classes, whose destructors close handles, pop messages
 * and cancel slots.
 *
 *	shmemqpp::queue q("/hello", SHMEMQ_CONSUMER | SHMEMQ_CREATE);
 *	std::error_code ec;
 *
 *	while (auto message = q.pop_start({}, ec))
 *		std::cout << message.text() << '\n';
 *	if (ec != std::errc::broken_pipe)	// broken_pipe: the producer has closed, and all is popped
 *		throw std::system_error(ec);
 *
 * A method does what the function of the same name does. There are up to three forms of each, which differ in how they
 * report errors:
 * - The form with a std::error_code as its last argument sets or clears that, and throws nothing.
 * - The plain form throws std::system_error, whose code is errno in the generic category.
 * - The form with try_ before its name reports EAGAIN and ETIMEDOUT by its result, and throws all other errors.
 * With -fno-exceptions only the first is there. Code with and without exceptions can be linked, and pass objects.
 *
 * The namespace cannot be shmemq, because struct shmemq has that name.
 *
 * The manual: shmemq.hpp(3), and the pages of the functions of shmemq.h.
 */
#ifndef SHMEMQ_HPP
#define SHMEMQ_HPP

#if defined __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* struct shmemq_stat and its function */
#endif
#include <shmemq.h>
#if defined __GNUC__
#pragma GCC diagnostic pop
#endif

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace shmemqpp
{

/* Timeouts. A negative one means forever, too: the time left until a moment is to be that of a `deadline`. */
inline constexpr std::chrono::nanoseconds once{ 0 };
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

/* How long a call may wait: any duration, or {}, which is forever, or `once` if the handle has SHMEMQ_NONBLOCK. */
class timeout
{
public:
	constexpr timeout() noexcept = default;
	template <class Rep, class Period>
	constexpr timeout(std::chrono::duration<Rep, Period> wait) noexcept : ns_(whole(wait)), given_(true)
	{
	}
	constexpr std::int64_t ns() const noexcept { return ns_; }
	constexpr bool given() const noexcept { return given_; }

private:
	/* Through double, which holds any duration, and a hundred days exactly. Rounded up: only 0 tries once. */
	static constexpr std::int64_t whole(std::chrono::duration<double, std::nano> wait) noexcept
	{
		const double ns = wait.count();

		if (ns < 0)
			return -1;
		if (!(ns < 9.2e18)) /* 291 years */
			return std::numeric_limits<std::int64_t>::max();
		const auto floor = static_cast<std::int64_t>(ns);
		return static_cast<double>(floor) < ns ? floor + 1 : floor;
	}

	std::int64_t ns_ = -1;
	bool given_ = false;
};

/* A moment, for a call that is repeated after std::errc::interrupted, or for several calls that share one timeout. */
class deadline
{
public:
	explicit deadline(timeout wait) noexcept : ns_(::shmemq_deadline(wait.ns())) {}
	/* A timeout: `once` if the moment is past, `forever` if it never comes. */
	std::chrono::nanoseconds left() const noexcept { return std::chrono::nanoseconds(::shmemq_left(ns_)); }

private:
	std::int64_t ns_;
};

namespace detail
{

template <class T>
inline constexpr bool is_char = std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char16_t> ||
#ifdef __cpp_char8_t
				std::is_same_v<T, char8_t> ||
#endif
				std::is_same_v<T, char32_t>;

} // namespace detail

/*
 * What a push copies: a literal without its NUL, the values of a string, vector, span or array, or {address, size}.
 * A literal cannot be distinguished from any other array of const characters, so a NUL at the end of such an array is
 * left out. For an array that does not contain text, specify the size: {array, size}.
 */
struct bytes {
	const void *data;
	std::size_t size;

	constexpr bytes(const void *address, std::size_t count) noexcept : data(address), size(count) {}
	template <class Char, std::size_t n, class = std::enable_if_t<detail::is_char<Char>>>
	constexpr bytes(const Char (&text)[n]) noexcept : data(text), size((n - (text[n - 1] == 0)) * sizeof(Char))
	{
	}
	/* Only the caller knows how much of a buffer is filled, and push(buffer, 5) would take the 5 for the type. */
	template <class Char, std::size_t n, class = std::enable_if_t<detail::is_char<Char>>>
	bytes(Char (&buffer)[n]) = delete;
	template <class Range, class Value = std::remove_pointer_t<decltype(std::data(std::declval<const Range &>()))>,
		  class = std::enable_if_t<std::is_trivially_copyable_v<Value>>>
	constexpr bytes(const Range &range) noexcept : data(std::data(range)), size(std::size(range) * sizeof(Value))
	{
	}
};

namespace detail
{

/* Did the call succeed: did it return neither -1 nor NULL? */
template <class Result> bool good(Result result) noexcept
{
	if constexpr (std::is_pointer_v<Result>)
		return result != nullptr;
	else
		return result >= 0;
}

/* Sets `ec` from errno if a call of shmemq.h has failed, else clears it. Returns what the call has returned. */
template <class Result> Result report(Result result, std::error_code &ec) noexcept
{
	good(result) ? ec.clear() : ec.assign(errno, std::generic_category());
	return result;
}

#ifdef __cpp_exceptions
/* By value, so that the caller can keep its error code in registers. */
[[noreturn]] inline void fail(int error, const char *function)
{
	throw std::system_error(error, std::generic_category(), function);
}

/* What a plain form and a try_ form return: `result`, unless `ec` says that the form with `ec` has failed. */
template <class Result> Result check(Result result, const std::error_code &ec, const char *function)
{
	if (ec)
		fail(ec.value(), function);
	return result;
}

template <class Result> Result tried(Result result, const std::error_code &ec, const char *function)
{
	if (ec && ec.value() != EAGAIN && ec.value() != ETIMEDOUT)
		fail(ec.value(), function);
	return result;
}
#endif

/* Memory in the ring, which `let_go` releases. It refers to the handle, not to the queue object, which may be moved. */
template <class Void, int (*let_go)(::shmemq *)> class held
{
public:
	held() noexcept = default;
	held(::shmemq *q, Void *data, std::size_t size) noexcept : q_(data ? q : nullptr), data_(data), size_(size) {}
	held(const held &) = delete;
	held &operator=(const held &) = delete;
	held(held &&other) noexcept { swap(other); }
	held &operator=(held &&other) noexcept
	{
		held old(std::move(other));

		swap(old);
		return *this;
	}
	~held()
	{
		if (q_)
			let_go(q_);
	}
	explicit operator bool() const noexcept { return q_ != nullptr; }
	Void *data() const &noexcept { return data_; } /* aligned as the queue says: 8 bytes or more */
	Void *data() const && = delete; /* q.pop_start().data(): it would be released before it can be used */
	std::size_t size() const noexcept { return size_; }

protected:
	/* `result` is that of a call that releases the memory: if it succeeded, the object is empty. */
	bool over(int result, std::error_code &ec) noexcept
	{
		if (report(result, ec) == 0)
			q_ = nullptr, data_ = nullptr, size_ = 0;
		return !ec;
	}
	::shmemq *q_ = nullptr;

private:
	void swap(held &other) noexcept
	{
		std::swap(q_, other.q_);
		std::swap(data_, other.data_);
		std::swap(size_, other.size_);
	}
	Void *data_ = nullptr;
	std::size_t size_ = 0;
};

} // namespace detail

/* Space for a message. The destructor cancels it, unless it was committed. Destroy it before the handle is closed. */
class slot : public detail::held<void, ::shmemq_push_cancel>
{
public:
	using held::held;

	/* A size larger than the slot's fails with EINVAL, and the slot remains. */
	bool commit(std::size_t size, std::uint32_t type, std::error_code &ec) noexcept
	{
		return over(::shmemq_push_end(q_, size, type), ec);
	}
	bool cancel(std::error_code &ec) noexcept { return over(::shmemq_push_cancel(q_), ec); }
#ifdef __cpp_exceptions
	void commit(std::size_t size, std::uint32_t type = 0)
	{
		std::error_code ec;
		detail::check(commit(size, type, ec), ec, "shmemq_push_end");
	}
	void cancel()
	{
		std::error_code ec;
		detail::check(cancel(ec), ec, "shmemq_push_cancel");
	}
#endif
};

/* A message in the ring. The destructor pops it. Destroy it before the handle is closed. */
class message : public detail::held<const void, ::shmemq_pop_end>
{
public:
	message() noexcept = default;
	message(::shmemq *q, const void *data, std::size_t size, std::uint32_t type) noexcept
		: held(q, data, size), type_(type)
	{
	}
	std::uint32_t type() const noexcept { return q_ ? type_ : 0; }
	bool redelivered() const noexcept { return ::shmemq_redelivered(q_) == 1; }
	std::string_view text() const &noexcept { return { static_cast<const char *>(data()), size() }; }
	std::string_view text() const && = delete; /* see data() */
	operator std::string_view() const &noexcept { return text(); }
	operator std::string_view() const && = delete;

	bool end(std::error_code &ec) noexcept { return over(::shmemq_pop_end(q_), ec); }
#ifdef __cpp_exceptions
	void end()
	{
		std::error_code ec;
		detail::check(end(ec), ec, "shmemq_pop_end");
	}
#endif

private:
	std::uint32_t type_ = 0;
};

/*
 * A handle. The destructor closes it. On an empty one (default-constructed, moved from) each call fails with EINVAL.
 *
 * The forms with `ec` come first, and make the calls. The others call them. To add a function x, add
 *
 *	bool x(timeout wait, std::error_code &ec) noexcept { return detail::report(::shmemq_x(...), ec) == 0; }
 *	void x(timeout wait = {}) { std::error_code ec; detail::check(x(wait, ec), ec, "shmemq_x"); }
 *	bool try_x(timeout wait = once) { std::error_code ec; return detail::tried(x(wait, ec), ec, "shmemq_x"); }
 *
 * the first to the first part, the others to the other; and try_x only if x can fail with EAGAIN or ETIMEDOUT.
 */
class queue
{
public:
	queue() noexcept = default;
	explicit queue(::shmemq *q) noexcept : q_(q) {}
	static queue open(const char *name, unsigned flags, mode_t mode, const ::shmemq_attr &attr,
			  std::error_code &ec) noexcept
	{
		return queue(detail::report(::shmemq_open(name, flags, mode, &attr), ec));
	}
	static queue fdopen(int fd, unsigned flags, std::error_code &ec) noexcept
	{
		return queue(detail::report(::shmemq_fdopen(fd, flags), ec));
	}
	explicit operator bool() const noexcept { return q_ != nullptr; }
	bool redelivered() const noexcept { return ::shmemq_redelivered(q_.get()) == 1; } /* of the last pop */
	::shmemq *native_handle() const noexcept { return q_.get(); }
	::shmemq *release() noexcept { return q_.release(); } /* the caller closes it */

	bool close(std::error_code &ec) noexcept { return detail::report(::shmemq_close(release()), ec) == 0; }

	bool push(bytes data, std::uint32_t type, timeout wait, std::error_code &ec) noexcept
	{
		::shmemq *q = q_.get();

		return detail::report(wait.given() ? ::shmemq_timedpush(q, data.data, data.size, type, wait.ns())
						   : ::shmemq_push(q, data.data, data.size, type),
				      ec) == 0;
	}
	bool pushv(const ::iovec *parts, int count, std::uint32_t type, timeout wait, std::error_code &ec) noexcept
	{
		::shmemq *q = q_.get();

		return detail::report(wait.given() ? ::shmemq_timedpushv(q, parts, count, type, wait.ns())
						   : ::shmemq_pushv(q, parts, count, type),
				      ec) == 0;
	}
	[[nodiscard]] slot push_start(std::size_t size, timeout wait, std::error_code &ec) noexcept
	{
		::shmemq *q = q_.get();
		void *data = wait.given() ? ::shmemq_timedpush_start(q, size, wait.ns()) : ::shmemq_push_start(q, size);

		return { q, detail::report(data, ec), size };
	}

	/* Copies the message, and returns its bytes. If none is popped: -1, or std::nullopt from try_pop. */
	ssize_t pop(void *buffer, std::size_t size, std::uint32_t *type, timeout wait, std::error_code &ec) noexcept
	{
		::shmemq *q = q_.get();

		return detail::report(wait.given() ? ::shmemq_timedpop(q, buffer, size, type, wait.ns())
						   : ::shmemq_pop(q, buffer, size, type),
				      ec);
	}
	[[nodiscard]] message pop_start(timeout wait, std::error_code &ec) noexcept
	{
		::shmemq *q = q_.get();
		std::size_t size = 0;
		std::uint32_t type = 0;
		const void *data = wait.given() ? ::shmemq_timedpop_start(q, &size, &type, wait.ns())
						: ::shmemq_pop_start(q, &size, &type);

		return { q, detail::report(data, ec), size, type };
	}

	/* Batches, and waits for the peer, as in C: {} waits forever, also with SHMEMQ_NONBLOCK. */
	int pushm(const ::shmemq_msg *msgs, unsigned count, timeout wait, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_pushm(q_.get(), msgs, count, wait.ns()), ec);
	}
	int popm_start(::shmemq_msg *msgs, unsigned max, timeout wait, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_popm_start(q_.get(), msgs, max, wait.ns()), ec);
	}
	int popm_more(::shmemq_msg *msgs, unsigned max, timeout wait, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_popm_more(q_.get(), msgs, max, wait.ns()), ec);
	}
	bool popm_end(unsigned count, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_popm_end(q_.get(), count), ec) == 0;
	}
	bool mark(std::uint64_t mark, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_mark(q_.get(), mark), ec) == 0;
	}

	/* Of a follower. How many messages have been passed over since the last pop. */
	std::uint64_t seek(int whence, std::error_code &ec) noexcept
	{
		std::uint64_t lost = 0;

		detail::report(::shmemq_seek(q_.get(), whence, &lost), ec);
		return lost;
	}
	bool wait_peer(timeout wait, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_wait_peer(q_.get(), wait.ns()), ec) == 0;
	}
	bool wait_empty(timeout wait, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_wait_empty(q_.get(), wait.ns()), ec) == 0;
	}

	/* The caller closes it. */
	int dupfd(std::error_code &ec) noexcept { return detail::report(::shmemq_dupfd(q_.get()), ec); }

	/* How many parts it has set. */
	int mapping(iovec (&parts)[2], std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_mapping(q_.get(), parts), ec);
	}

	/* Do not close it: the handle does. */
	int pollfd(std::error_code &ec) noexcept { return detail::report(::shmemq_pollfd(q_.get()), ec); }

	/* May be called in any thread and in a signal handler. */
	bool interrupt(std::error_code &ec) noexcept { return detail::report(::shmemq_interrupt(q_.get()), ec) == 0; }

	/* All zero if they fail. */
	::shmemq_attr getattr(std::error_code &ec) const noexcept
	{
		::shmemq_attr attr{};

		detail::report(::shmemq_getattr(q_.get(), &attr), ec);
		return attr;
	}
	struct ::shmemq_stat stat(std::error_code &ec) const noexcept
	{
		struct ::shmemq_stat st {
		};

		detail::report(::shmemq_stat(q_.get(), &st), ec);
		return st;
	}

#ifdef __cpp_exceptions /* the same as above, reporting errors in the other ways */
	queue(const char *name, unsigned flags, mode_t mode = 0600, const ::shmemq_attr &attr = {}) : queue()
	{
		std::error_code ec;
		*this = detail::check(open(name, flags, mode, attr, ec), ec, "shmemq_open");
	}
	static queue fdopen(int fd, unsigned flags)
	{
		std::error_code ec;
		return detail::check(fdopen(fd, flags, ec), ec, "shmemq_fdopen");
	}
	void close()
	{
		std::error_code ec;
		detail::check(close(ec), ec, "shmemq_close");
	}
	void push(bytes data, std::uint32_t type = 0, timeout wait = {})
	{
		std::error_code ec;
		detail::check(push(data, type, wait, ec), ec, "shmemq_push");
	}
	bool try_push(bytes data, std::uint32_t type = 0, timeout wait = once)
	{
		std::error_code ec;
		return detail::tried(push(data, type, wait, ec), ec, "shmemq_push");
	}
	void pushv(const ::iovec *parts, int count, std::uint32_t type = 0, timeout wait = {})
	{
		std::error_code ec;
		detail::check(pushv(parts, count, type, wait, ec), ec, "shmemq_pushv");
	}
	bool try_pushv(const ::iovec *parts, int count, std::uint32_t type = 0, timeout wait = once)
	{
		std::error_code ec;
		return detail::tried(pushv(parts, count, type, wait, ec), ec, "shmemq_pushv");
	}
	[[nodiscard]] slot push_start(std::size_t size, timeout wait = {})
	{
		std::error_code ec;
		return detail::check(push_start(size, wait, ec), ec, "shmemq_push_start");
	}
	[[nodiscard]] slot try_push_start(std::size_t size, timeout wait = once)
	{
		std::error_code ec;
		return detail::tried(push_start(size, wait, ec), ec, "shmemq_push_start");
	}
	std::size_t pop(void *buffer, std::size_t size, std::uint32_t *type = nullptr, timeout wait = {})
	{
		std::error_code ec;
		return static_cast<std::size_t>(detail::check(pop(buffer, size, type, wait, ec), ec, "shmemq_pop"));
	}
	std::optional<std::size_t> try_pop(void *buffer, std::size_t size, std::uint32_t *type = nullptr,
					   timeout wait = once)
	{
		std::error_code ec;
		const ssize_t popped = detail::tried(pop(buffer, size, type, wait, ec), ec, "shmemq_pop");

		return popped < 0 ? std::nullopt : std::optional<std::size_t>(popped);
	}
	[[nodiscard]] message pop_start(timeout wait = {})
	{
		std::error_code ec;
		return detail::check(pop_start(wait, ec), ec, "shmemq_pop_start");
	}
	[[nodiscard]] message try_pop_start(timeout wait = once)
	{
		std::error_code ec;
		return detail::tried(pop_start(wait, ec), ec, "shmemq_pop_start");
	}
	int pushm(const ::shmemq_msg *msgs, unsigned count, timeout wait = {})
	{
		std::error_code ec;
		return detail::check(pushm(msgs, count, wait, ec), ec, "shmemq_pushm");
	}
	int popm_start(::shmemq_msg *msgs, unsigned max, timeout wait = {})
	{
		std::error_code ec;
		return detail::check(popm_start(msgs, max, wait, ec), ec, "shmemq_popm_start");
	}
	int popm_more(::shmemq_msg *msgs, unsigned max, timeout wait = {})
	{
		std::error_code ec;
		return detail::check(popm_more(msgs, max, wait, ec), ec, "shmemq_popm_more");
	}
	void popm_end(unsigned count)
	{
		std::error_code ec;
		detail::check(popm_end(count, ec), ec, "shmemq_popm_end");
	}
	void mark(std::uint64_t mark)
	{
		std::error_code ec;
		detail::check(this->mark(mark, ec), ec, "shmemq_mark");
	}
	std::uint64_t seek(int whence)
	{
		std::error_code ec;
		const std::uint64_t lost = seek(whence, ec);

		detail::check(!ec, ec, "shmemq_seek");
		return lost;
	}
	void wait_peer(timeout wait = forever)
	{
		std::error_code ec;
		detail::check(wait_peer(wait, ec), ec, "shmemq_wait_peer");
	}
	bool try_wait_peer(timeout wait = once)
	{
		std::error_code ec;
		return detail::tried(wait_peer(wait, ec), ec, "shmemq_wait_peer");
	}
	void wait_empty(timeout wait = forever)
	{
		std::error_code ec;
		detail::check(wait_empty(wait, ec), ec, "shmemq_wait_empty");
	}
	bool try_wait_empty(timeout wait = once)
	{
		std::error_code ec;
		return detail::tried(wait_empty(wait, ec), ec, "shmemq_wait_empty");
	}
	int dupfd()
	{
		std::error_code ec;
		return detail::check(dupfd(ec), ec, "shmemq_dupfd");
	}
	int mapping(iovec (&parts)[2])
	{
		std::error_code ec;
		return detail::check(mapping(parts, ec), ec, "shmemq_mapping");
	}
	int pollfd()
	{
		std::error_code ec;
		return detail::check(pollfd(ec), ec, "shmemq_pollfd");
	}
	void interrupt()
	{
		std::error_code ec;
		detail::check(interrupt(ec), ec, "shmemq_interrupt");
	}
	::shmemq_attr getattr() const
	{
		std::error_code ec;
		return detail::check(getattr(ec), ec, "shmemq_getattr");
	}
	struct ::shmemq_stat stat() const
	{
		std::error_code ec;
		return detail::check(stat(ec), ec, "shmemq_stat");
	}
#endif

private:
	struct closer {
		void operator()(::shmemq *q) const noexcept { ::shmemq_close(q); }
	};

	std::unique_ptr<::shmemq, closer> q_{};
};

/*
 * Handles that an event loop waits for together. The destructor frees the set, and leaves the handles open. A handle
 * may be closed while it is in a set, and a queue object moved. On an empty set each call fails with EINVAL.
 */
class set
{
public:
	set() noexcept = default;
	static set open(std::error_code &ec) noexcept
	{
		set s;

		s.s_.reset(detail::report(::shmemq_set_open(), ec));
		return s;
	}
	explicit operator bool() const noexcept { return s_ != nullptr; }
	::shmemq_set *native_handle() const noexcept { return s_.get(); }

	bool add(queue &q, void *cookie, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_set_add(s_.get(), q.native_handle(), cookie), ec) == 0;
	}
	bool remove(queue &q, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_set_remove(s_.get(), q.native_handle()), ec) == 0;
	}
	/* How many cookies of handles that are ready it has stored. If there are none: -1, or 0 from try_wait. */
	int wait(void **cookies, int max, timeout wait, std::error_code &ec) noexcept
	{
		return detail::report(::shmemq_set_wait(s_.get(), cookies, max, wait.ns()), ec);
	}
	/* Do not close it: the set does. */
	int fd(std::error_code &ec) noexcept { return detail::report(::shmemq_set_fd(s_.get()), ec); }

#ifdef __cpp_exceptions
	static set open()
	{
		std::error_code ec;
		return detail::check(open(ec), ec, "shmemq_set_open");
	}
	void add(queue &q, void *cookie)
	{
		std::error_code ec;
		detail::check(add(q, cookie, ec), ec, "shmemq_set_add");
	}
	void remove(queue &q)
	{
		std::error_code ec;
		detail::check(remove(q, ec), ec, "shmemq_set_remove");
	}
	int wait(void **cookies, int max, timeout wait = {})
	{
		std::error_code ec;
		return detail::check(this->wait(cookies, max, wait, ec), ec, "shmemq_set_wait");
	}
	int try_wait(void **cookies, int max, timeout wait = once)
	{
		std::error_code ec;
		const int count = detail::tried(this->wait(cookies, max, wait, ec), ec, "shmemq_set_wait");

		return count < 0 ? 0 : count;
	}
	int fd()
	{
		std::error_code ec;
		return detail::check(fd(ec), ec, "shmemq_set_fd");
	}
#endif

private:
	struct closer {
		void operator()(::shmemq_set *s) const noexcept { ::shmemq_set_close(s); }
	};

	std::unique_ptr<::shmemq_set, closer> s_{};
};

/* Returns a descriptor, which is close-on-exec and which the caller closes. */
inline int memfd(const ::shmemq_attr &attr, std::error_code &ec) noexcept
{
	return detail::report(::shmemq_memfd(&attr), ec);
}
inline bool unlink(const char *name, std::error_code &ec) noexcept
{
	return detail::report(::shmemq_unlink(name), ec) == 0;
}
#ifdef __cpp_exceptions
inline int memfd(const ::shmemq_attr &attr = {})
{
	std::error_code ec;
	return detail::check(memfd(attr, ec), ec, "shmemq_memfd");
}
inline void unlink(const char *name)
{
	std::error_code ec;
	detail::check(unlink(name, ec), ec, "shmemq_unlink");
}
#endif

} // namespace shmemqpp

#endif
