/* SPDX-License-Identifier: MIT */
/* A child builds samples in the queue's memory, its parent reads them there */
#include <shmemq.hpp>

#include <iostream>
#include <new>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

struct sample {
	int number;
	double celsius;
};

static void produce(int fd)
{
	auto q = shmemqpp::queue::fdopen(fd, SHMEMQ_PRODUCER);

	for (int number = 0; number < 3; number++) {
		auto slot = q.push_start(sizeof(sample));

		new (slot.data()) sample{ number, 19.5 + number };
		if (number != 1) /* a broken sensor: the slot is cancelled */
			slot.commit(sizeof(sample));
	}
	q.push("end of shift", 1);
	q.close(); /* explicitly, to see errors: the destructor hides them */
}

/* With error codes instead of exceptions: this compiles with -fno-exceptions, too */
static std::error_code consume(int fd)
{
	std::error_code ec;
	auto q = shmemqpp::queue::fdopen(fd, SHMEMQ_CONSUMER, ec);

	if (ec)
		return ec;
	while (auto message = q.pop_start(10s, ec)) {
		auto *s = static_cast<const sample *>(message.data());

		if (message.type() == 0 && message.size() == sizeof *s)
			std::cout << s->number << ": " << s->celsius << '\n';
		else
			std::cout << message.text() << '\n';
	} /* the message is released here */
	return ec;
}

int main()
try {
	int fd = shmemqpp::memfd(), status = 1;

	if (fork() == 0) {
		produce(fd);
		return 0;
	}
	if (auto ec = consume(fd); ec != std::errc::broken_pipe)
		throw std::system_error(ec); /* broken_pipe: closed, all is read */
	wait(&status);
	return status != 0;
} catch (const std::system_error &error) {
	std::cerr << error.what() << '\n';
	return 1;
}
