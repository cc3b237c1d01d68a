#include "proto/clients/c/trust.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYSTEM_CA_BYTES_MAX = 4 * 1024 * 1024 };

static const char *const system_ca_files[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch */
	"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
	"/etc/ssl/cert.pem",                  /* Alpine, BSD */
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static bool is_init;
static char init_error[CRYPTO_ERROR_BYTES];

static void init(void)
{
	is_init = ringcast_crypto_global_init(init_error, sizeof(init_error));
}

static bool fail(char *reterr, size_t reterr_bytes, const char *text)
{
	snprintf(reterr, reterr_bytes, "%s", text);
	return false;
}

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(SYSTEM_CA_BYTES_MAX + 1) : NULL;
	size_t size = text ? fread(text, 1, SYSTEM_CA_BYTES_MAX, file) : 0;
	bool is_whole = file && !ferror(file) && feof(file);
	if (file)
		fclose(file);
	if (!text || !is_whole) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

static char *read_system_ca(void)
{
	char *text = NULL;
	for (size_t i = 0; !text && i < sizeof(system_ca_files) / sizeof(system_ca_files[0]); i++)
		text = read_text(system_ca_files[i]);
	return text;
}

static struct crypto_context *create(const struct client_trust *trust, enum crypto_kind kind, const char *ca, char *reterr,
				     size_t reterr_bytes)
{
	const struct crypto_options options = {
		.kind = kind,
		.role = CRYPTO_CLIENT,
		.credentials = {.ca = trust->is_insecure ? NULL : ca},
		.is_insecure = trust->is_insecure,
	};
	return ringcast_crypto_context_create(trust->backend, &options, reterr, reterr_bytes);
}

static bool create_stream(struct client_trust *trust, char *reterr, size_t reterr_bytes)
{
	char *system_ca = trust->is_insecure || trust->ca ? NULL : read_system_ca();
	const char *ca = trust->ca ? trust->ca : system_ca;
	if (!trust->is_insecure && !ca)
		return fail(reterr, reterr_bytes, "no CA certificates: give those to trust, or install ca-certificates");
	trust->stream = create(trust, CRYPTO_STREAM, ca, reterr, reterr_bytes);
	free(system_ca);
	return trust->stream != NULL;
}

bool ringcast_client_trust_init(struct client_trust *trust, const struct client_trust_options *options, char *reterr, size_t reterr_bytes)
{
	*trust = (struct client_trust){.is_insecure = options->is_insecure};
	pthread_once(&init_once, init);
	if (!is_init)
		return fail(reterr, reterr_bytes, init_error);
	trust->backend = ringcast_crypto_backend(options->backend);
	if (!trust->backend)
		return fail(reterr, reterr_bytes, options->backend ? "this build has no such TLS library" : "this build has no TLS");
	if (!options->host || strlen(options->host) >= sizeof(trust->host))
		return fail(reterr, reterr_bytes, "the host name is missing or too long");
	memcpy(trust->host, options->host, strlen(options->host) + 1);
	trust->ca = options->ca ? strdup(options->ca) : NULL;
	if ((options->ca && !trust->ca) || !create_stream(trust, reterr, reterr_bytes)) {
		ringcast_client_trust_fini(trust);
		return false;
	}
	return true;
}

void ringcast_client_trust_fini(struct client_trust *trust)
{
	if (trust->stream)
		ringcast_crypto_context_release(&trust->stream);
	if (trust->datagrams)
		ringcast_crypto_context_release(&trust->datagrams);
	free(trust->ca);
	free(trust->datagrams_ca);
	*trust = (struct client_trust){.backend = NULL};
}

static bool is_made_from(const struct client_trust *trust, struct view ca)
{
	if (!trust->datagrams)
		return false;
	return !trust->datagrams_ca || (strlen(trust->datagrams_ca) == ca.size && memcmp(trust->datagrams_ca, ca.data, ca.size) == 0);
}

struct crypto_context *ringcast_client_trust_datagrams(struct client_trust *trust, struct view ca_cert, char *reterr, size_t reterr_bytes)
{
	struct view ca = trust->ca ? ringcast_view_of(trust->ca, strlen(trust->ca)) : ca_cert;
	if (trust->is_insecure)
		ca = ringcast_view_of("", 0);
	if (is_made_from(trust, ca))
		return trust->datagrams;
	if (!trust->is_insecure && ca.size == 0) {
		fail(reterr, reterr_bytes, "the server named no CA certificate for DTLS, and none was given");
		return NULL;
	}
	char *text = strndup(ca.size > 0 ? (const char *)ca.data : "", ca.size);
	struct crypto_context *context = text ? create(trust, CRYPTO_DATAGRAM, text, reterr, reterr_bytes) : NULL;
	if (!context) {
		free(text);
		return NULL;
	}
	if (trust->datagrams)
		ringcast_crypto_context_release(&trust->datagrams);
	free(trust->datagrams_ca);
	trust->datagrams = context;
	trust->datagrams_ca = text;
	return context;
}
