/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "link_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "report.h"

#define SERVERS_MAX    16
#define SECRET_MAX     512
#define SERVER_DEFAULT "nats://127.0.0.1:4222"

/* The URLs, cut at the commas. They point into a copy, which the caller frees. */
static char *cut_servers(const char *text, const char *servers[SERVERS_MAX], int *count)
{
	char *copy = strdup(text != NULL ? text : SERVER_DEFAULT), *rest = copy, *url;

	*count = 0;
	while (copy != NULL && (url = strsep(&rest, ",")) != NULL) {
		if (url[0] != '\0' && *count < SERVERS_MAX)
			servers[(*count)++] = url;
	}
	return copy;
}

static natsStatus set_servers(natsOptions *o, const struct options *options, bool *tls)
{
	const char *servers[SERVERS_MAX];
	natsStatus s = NATS_NO_MEMORY;
	int count;
	char *copy = cut_servers(options->text[OPTION_SERVER], servers, &count);

	*tls = options->text[OPTION_TLS_CA] != NULL || options->text[OPTION_TLS_CERT] != NULL;
	for (int i = 0; i < count; i++)
		*tls = *tls || strncmp(servers[i], "tls://", 6) == 0;
	if (count != 0)
		s = natsOptions_SetServers(o, servers, count);
	free(copy);
	return s;
}

/* The first line of a file, which is a secret. Returns 0, or reports what is wrong and returns an exit status. */
static int read_secret(const char *path, char secret[SECRET_MAX])
{
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return report_as(STATUS_USAGE, path, "%s", strerror(errno));
	setvbuf(file, NULL, _IONBF, 0); /* no copy of it in a buffer */
	if (fgets(secret, SECRET_MAX, file) == NULL)
		secret[0] = '\0';
	fclose(file);
	secret[strcspn(secret, "\r\n")] = '\0';
	return secret[0] != '\0' ? 0 : report_as(STATUS_USAGE, path, "there is no password in this file");
}

static int set_credentials(natsOptions *o, const struct options *options)
{
	const char *const *text = options->text;
	char secret[SECRET_MAX];
	natsStatus s = NATS_OK;
	int status = 0;

	if (text[OPTION_CREDS] != NULL)
		s = natsOptions_SetUserCredentialsFromFiles(o, text[OPTION_CREDS], NULL);
	if (s == NATS_OK && text[OPTION_USER] != NULL) {
		status = read_secret(text[OPTION_PASSWORD_FILE], secret);
		if (status == 0)
			s = natsOptions_SetUserInfo(o, text[OPTION_USER], secret);
		explicit_bzero(secret, sizeof secret);
	}
	if (status == 0 && s != NATS_OK)
		status = report_as(STATUS_USAGE, NULL, "credentials: %s", natsStatus_GetText(s));
	return status;
}

static natsStatus set_tls(natsOptions *o, const struct options *options, bool tls)
{
	const char *const *text = options->text;
	natsStatus s = NATS_OK;

	/* Verification of the certificate and of the server's name is libnats' default, and stays. */
	if (tls)
		s = natsOptions_SetSecure(o, true);
	if (s == NATS_OK && text[OPTION_TLS_CA] != NULL)
		s = natsOptions_LoadCATrustedCertificates(o, text[OPTION_TLS_CA]);
	if (s == NATS_OK && text[OPTION_TLS_CERT] != NULL)
		s = natsOptions_LoadCertificatesChain(o, text[OPTION_TLS_CERT], text[OPTION_TLS_KEY]);
	return s;
}

/* Trap 7: by default libnats' flusher waits for more, which would add 0.4 ms to the median latency: SetSendAsap. */
static natsStatus set_timing(natsOptions *o)
{
	natsStatus s = natsOptions_SetMaxReconnect(o, -1);

	if (s == NATS_OK)
		s = natsOptions_SetReconnectWait(o, 100);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectJitter(o, 100, 100);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(o, 2000);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPingsOut(o, 2);
	if (s == NATS_OK)
		s = natsOptions_SetIOBufSize(o, 256 << 10);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(o, true);
	if (s == NATS_OK)
		s = natsOptions_SetTimeout(o, 2000);
	return s;
}

int link_options(natsOptions **made, const struct options *options)
{
	natsOptions *o = NULL;
	bool tls = false;
	natsStatus s = natsOptions_Create(&o);
	int status = 0;

	if (s == NATS_OK)
		s = set_servers(o, options, &tls);
	if (s == NATS_OK)
		s = set_timing(o);
	if (s == NATS_OK)
		s = natsOptions_SetName(o, "shmemq-nats");
	if (s == NATS_OK && options->text[OPTION_INBOX] != NULL)
		s = natsOptions_SetCustomInboxPrefix(o, options->text[OPTION_INBOX]);
	if (s == NATS_OK)
		s = set_tls(o, options, tls);
	if (s == NATS_OK && options->text[OPTION_NKEY] != NULL)
		s = natsOptions_SetNKeyFromSeed(o, options->text[OPTION_NKEY], options->text[OPTION_NKEY_SEED]);
	if (s == NATS_OK)
		status = set_credentials(o, options);
	if (s != NATS_OK) {
		status = report_as(STATUS_USAGE, NULL, "connection options: %s", link_error(s));
	}
	if (status != 0)
		natsOptions_Destroy(o);
	else
		*made = o;
	return status;
}
