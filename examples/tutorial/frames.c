/* SPDX-License-Identifier: MIT */
/* A camera fills video frames in the queue's memory, and a viewer looks at them there */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH 640
#define HEIGHT 480
#define FRAMES 100
#define FRAME_TIME (33 * INT64_C(1000000)) /* 30 frames a second */

struct frame {
	uint64_t number;
	_Alignas(64) unsigned char pixels[HEIGHT][WIDTH];
};

static int film(struct shmemq *q, uint64_t number)
{
	int64_t timeout = number + 1 < FRAMES ? FRAME_TIME : -1;
	struct frame *frame = shmemq_timedpush_start(q, sizeof *frame, timeout);

	if (frame == NULL) /* the viewer is late: this frame is dropped */
		return errno == ETIMEDOUT ? 0 : -1;
	frame->number = number;
	memset(frame->pixels, (int)(number % 256), sizeof frame->pixels);
	return shmemq_push_end(q, sizeof *frame, 0);
}

/* In place: no pixel is copied. */
static double brightness(const struct frame *frame)
{
	double sum = 0;

	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++)
			sum += frame->pixels[y][x];
	}
	return sum / (WIDTH * HEIGHT);
}

static int view(int fd)
{
	struct shmemq *q = shmemq_fdopen(fd, SHMEMQ_CONSUMER);
	uint64_t next = 0, shown = 0, dropped = 0;
	const struct frame *frame;
	double bright = 0;
	size_t size;

	while (q != NULL && (frame = shmemq_pop_start(q, &size, NULL)) != NULL) {
		if (size != sizeof *frame)
			return 1;
		bright = brightness(frame);
		dropped += frame->number - next; /* the numbers have gaps */
		next = frame->number + 1;
		shown++;
		shmemq_pop_end(q); /* the memory is the camera's again */
	}
	if (q == NULL || errno != EPIPE) /* EPIPE: the camera has closed */
		return 1;
	printf("shown or dropped: %u, brightness of the last: %.1f\n", (unsigned)(shown + dropped), bright);
	return shmemq_close(q) != 0;
}

int main(void)
{
	/* At most 3 frames wait, so the viewer is never more than a tenth of a second late. */
	const struct shmemq_attr attr = { .capacity = 4 << 20, .alignment = 64, .messages_max = 3 };
	int fd = shmemq_memfd(&attr), status = 1;
	pid_t pid = fd < 0 ? -1 : fork();
	struct shmemq *q;

	if (pid == 0)
		return view(fd);
	q = fd < 0 ? NULL : shmemq_fdopen(fd, SHMEMQ_PRODUCER);
	for (uint64_t number = 0; q != NULL && number < FRAMES; number++) {
		if (film(q, number) != 0) {
			perror("film");
			return 1;
		}
	}
	if (pid < 0 || q == NULL) {
		perror("frames");
		return 1;
	}
	shmemq_close(q); /* this ends the viewer */
	waitpid(pid, &status, 0);
	return status != 0;
}
