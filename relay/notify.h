/* SPDX-License-Identifier: MIT */
/* Tells the service manager how this process is: sd_notify(3), without libsystemd. */
#ifndef RELAY_NOTIFY_H
#define RELAY_NOTIFY_H

/* Sends lines such as "READY=1" to $NOTIFY_SOCKET, if there is one. */
void notify(const char *lines);

#endif
