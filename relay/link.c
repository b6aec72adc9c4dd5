/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "link.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link_options.h"
#include "message.h"
#include "metrics.h"
#include "report.h"
#include "stop.h"

#define JS_WAIT_MS    3000 /* for the answer to a request */
#define RETRY_MS      100
#define RETRY_MS_MOST 1000
#define CLOSE_MS      5000 /* for libnats' threads to end */

/* Signals are let in: until there is a connection they are blocked, so that libnats' threads do not get them. */
static void pause_ms(int ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	sigset_t none;

	sigemptyset(&none);
	ppoll(NULL, 0, &time, &none);
}

/* To be called with the lock, and releases it: the main thread is to look at the news. */
static void tell(struct link *link)
{
	link->fresh = true;
	pthread_cond_signal(&link->changed);
	if (link->queue != NULL)
		shmemq_interrupt(link->queue);
	pthread_mutex_unlock(&link->lock);
}

/*
 * The callbacks. They run in threads of libnats'.
 */

static void disconnected(natsConnection *nc, void *closure)
{
	struct link *link = closure;

	(void)nc;
	pthread_mutex_lock(&link->lock);
	link->news.connected = false;
	tell(link);
}

static void reconnected(natsConnection *nc, void *closure)
{
	struct link *link = closure;

	(void)nc;
	pthread_mutex_lock(&link->lock);
	link->news.connected = true;
	link->news.connects++;
	tell(link);
}

static void closed(natsConnection *nc, void *closure)
{
	struct link *link = closure;

	(void)nc;
	pthread_mutex_lock(&link->lock);
	link->news.connected = false;
	link->news.closed = true;
	tell(link);
}

static void failed(natsConnection *nc, natsSubscription *sub, natsStatus s, void *closure)
{
	struct link *link = closure;
	const char *text = NULL;

	(void)sub;
	if (s != NATS_NOT_PERMITTED)
		return;
	natsConnection_GetLastError(nc, &text);
	pthread_mutex_lock(&link->lock);
	link->news.denied = true;
	snprintf(link->news.denial, sizeof link->news.denial, "%s", text != NULL ? text : natsStatus_GetText(s));
	tell(link);
}

/*
 * Trap 9: this function owns the message. What it takes from it is its own Shmemq-Last, so an acknowledgement that
 * comes late, of a frame published before a resync, is told of the messages that this very frame ended with, and not of
 * those that a later frame in its place would have.
 */
static void acknowledged(jsCtx *js, natsMsg *message, jsPubAck *ack, jsPubAckErr *error, void *closure)
{
	struct link *link = closure;
	uint64_t last = 0;

	(void)js;
	if (ack != NULL)
		last = message_last(message);
	pthread_mutex_lock(&link->lock);
	link->news.bytes += (uint64_t)natsMsg_GetDataLength(message);
	if (last > link->news.acked)
		link->news.acked = last;
	if (ack != NULL && ack->Sequence > link->news.sequence)
		link->news.sequence = ack->Sequence;
	if (error != NULL && link->news.refused == 0) {
		link->news.refused = error->ErrCode != 0 ? (int)error->ErrCode : -1;
		snprintf(link->news.why, sizeof link->news.why, "%s",
			 error->ErrText != NULL ? error->ErrText : natsStatus_GetText(error->Err));
	}
	tell(link);
	natsMsg_Destroy(message);
}

/*
 * The main thread's side.
 */

static natsStatus make_context(struct link *link)
{
	jsOptions o;
	natsStatus s = jsOptions_Init(&o);

	o.Wait = JS_WAIT_MS;
	o.PublishAsync.MaxPending = 0; /* no limit here: --window is one */
	o.PublishAsync.AckHandler = acknowledged;
	o.PublishAsync.AckHandlerClosure = link;
	link->published = false;
	return s == NATS_OK ? natsConnection_JetStream(&link->js, link->nc, &o) : s;
}

static natsStatus set_callbacks(struct link *link)
{
	natsStatus s = natsOptions_SetDisconnectedCB(link->options, disconnected, link);

	if (s == NATS_OK)
		s = natsOptions_SetReconnectedCB(link->options, reconnected, link);
	if (s == NATS_OK)
		s = natsOptions_SetClosedCB(link->options, closed, link);
	if (s == NATS_OK)
		s = natsOptions_SetErrorHandler(link->options, failed, link);
	return s;
}

/* May another try succeed, as when there is no server yet? */
static bool is_refusal(natsStatus s)
{
	return s == NATS_CONNECTION_AUTH_FAILED || s == NATS_NOT_PERMITTED;
}

const char *link_error(natsStatus s)
{
	const char *text = nats_GetLastError(NULL);

	return text != NULL && text[0] != '\0' ? text : natsStatus_GetText(s);
}

/* How long is tried: `patience`, as link_open() has it. */
static int connect_anew(struct link *link, int64_t patience)
{
	int64_t end = clock_ns() + patience;
	char said[LINK_TEXT] = "";
	int wait = RETRY_MS;
	natsStatus s;

	while ((s = natsConnection_Connect(&link->nc, link->options)) != NATS_OK) {
		const char *text = link_error(s);

		if (is_refusal(s) || (patience >= 0 && (stop_asked || clock_ns() >= end)))
			return report_as(STATUS_REFUSED, link->name, "no connection to the server: %s", text);
		if (patience < 0 && strcmp(said, text) != 0) {
			snprintf(said, sizeof said, "%s", text);
			report(link->name, "no connection to the server, trying on: %s", text);
		}
		if (stop_asked)
			return 0;
		pause_ms(wait);
		wait = wait < RETRY_MS_MOST ? wait * 2 : wait;
	}
	pthread_mutex_lock(&link->lock);
	link->news.connected = true;
	link->news.closed = false;
	link->news.connects++;
	tell(link);
	s = make_context(link);
	return s == NATS_OK ? 0 : report(link->name, "JetStream: %s", natsStatus_GetText(s));
}

int link_open(struct link *link, const struct options *options, int64_t patience)
{
	pthread_condattr_t monotonic;
	int status;

	*link = (struct link){ .name = options->text[OPTION_STREAM] };
	pthread_mutex_init(&link->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&link->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	status = link_options(&link->options, options);
	if (status != 0)
		return status;
	if (set_callbacks(link) != NATS_OK)
		return report(link->name, "libnats: callbacks");
	return connect_anew(link, patience);
}

static void destroy(struct link *link)
{
	jsCtx_Destroy(link->js);
	natsConnection_Destroy(link->nc);
	link->js = NULL;
	link->nc = NULL;
}

int link_renew(struct link *link)
{
	destroy(link);
	return connect_anew(link, LINK_FOR_EVER);
}

void link_close(struct link *link)
{
	destroy(link);
	natsOptions_Destroy(link->options);
	link->options = NULL;
	/* Trap 14: libnats' threads free OpenSSL's objects when the connection has gone; in exit(), so does OpenSSL. */
	nats_CloseAndWait(CLOSE_MS);
}

void link_take(struct link *link, struct link_news *news)
{
	pthread_mutex_lock(&link->lock);
	*news = link->news;
	link->fresh = false;
	pthread_mutex_unlock(&link->lock);
}

void link_forgive(struct link *link)
{
	pthread_mutex_lock(&link->lock);
	link->news.denied = false;
	pthread_mutex_unlock(&link->lock);
}

void link_wait(struct link *link, int ms)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += ms % 1000 * 1000000L;
	end.tv_sec += ms / 1000 + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&link->lock);
	while (!link->fresh) {
		if (pthread_cond_timedwait(&link->changed, &link->lock, &end) == ETIMEDOUT)
			break;
	}
	pthread_mutex_unlock(&link->lock);
}

void link_queue(struct link *link, struct shmemq *queue)
{
	pthread_mutex_lock(&link->lock);
	link->queue = queue;
	pthread_mutex_unlock(&link->lock);
}

bool link_publish(struct link *link, natsMsg *message)
{
	natsStatus s = js_PublishMsgAsync(link->js, &message, NULL);

	link->published = true;
	natsMsg_Destroy(message); /* NULL if it is libnats' now */
	return s == NATS_OK;
}

/*
 * Trap 3: before the first publish, js_PublishAsyncGetPendingList() of libnats 3.4.1 crashes. Its list is a hash
 * table's: in no order, so nothing is ever sent again from it.
 */
void link_drop(struct link *link)
{
	natsMsgList list = { NULL, 0 };

	if (link->published && js_PublishAsyncGetPendingList(&list, link->js) == NATS_OK)
		natsMsgList_Destroy(&list);
	pthread_mutex_lock(&link->lock);
	link->news.acked = link->news.sequence = link->news.bytes = 0;
	link->news.refused = 0;
	pthread_mutex_unlock(&link->lock);
}
