/* SPDX-License-Identifier: MIT */
/* What the command line says of the connection, as libnats wants it. */
#ifndef RELAY_LINK_OPTIONS_H
#define RELAY_LINK_OPTIONS_H

#include <nats/nats.h>

#include "options.h"

/* Makes libnats' options. Returns 0, or reports what is wrong and returns an exit status. */
int link_options(natsOptions **made, const struct options *options);

#endif
