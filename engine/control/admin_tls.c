#include "control/admin_tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "control/tls_files.h"

enum { CHAIN_MAX = 8 };

struct admin_tls {
	gnutls_certificate_credentials_t credentials;
	char *certificate, *key, *client_ca; /* PEM; client_ca NULL: clients are not asked who they are */
	struct admin_tls *older;
};

static bool refuse(struct config_error *reterr, const char *key, const struct config_text *path, const char *problem)
{
	snprintf(reterr->text, sizeof(reterr->text), "admin.%s: %.200s: %.200s", key, path->text, problem);
	return false;
}

/* Expired or not yet valid: what the other side would refuse. */
static const char *problem_of(gnutls_x509_crt_t certificate, time_t now)
{
	if (gnutls_x509_crt_get_expiration_time(certificate) < now)
		return "has expired";
	return gnutls_x509_crt_get_activation_time(certificate) > now ? "is not valid yet" : NULL;
}

/* Of a chain the first certificate counts. Of CAs one is enough: while they change, one that has expired stands beside its successor. */
static const char *check_time(const char *pem, bool is_chain)
{
	gnutls_x509_crt_t *list;
	unsigned count = 0;
	const gnutls_datum_t text = {.data = (unsigned char *)(uintptr_t)pem, .size = (unsigned)strlen(pem)};
	if (gnutls_x509_crt_list_import2(&list, &count, &text, GNUTLS_X509_FMT_PEM, 0) < 0)
		return "holds no certificate that can be read";
	time_t now = time(NULL);
	const char *problem = problem_of(list[0], now);
	for (unsigned i = 1; i < count && problem && !is_chain; i++)
		problem = problem_of(list[i], now) ? "holds no certificate that is valid now" : NULL;
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return problem;
}

static bool set_own(struct admin_tls *tls, const struct config *config, struct config_error *reterr)
{
	const gnutls_datum_t certificate = {.data = (unsigned char *)tls->certificate, .size = (unsigned)strlen(tls->certificate)};
	const gnutls_datum_t key = {.data = (unsigned char *)tls->key, .size = (unsigned)strlen(tls->key)};
	const char *problem = check_time(tls->certificate, true);
	if (problem)
		return refuse(reterr, "tls_certificate", &config->admin_tls_certificate, problem);
	int result = gnutls_certificate_set_x509_key_mem2(tls->credentials, &certificate, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return refuse(reterr, "tls_key", &config->admin_tls_key, "is not the key of admin.tls_certificate");
	return result >= 0 || refuse(reterr, "tls_key", &config->admin_tls_key, gnutls_strerror(result));
}

static bool set_client_ca(struct admin_tls *tls, const struct config *config, struct config_error *reterr)
{
	if (!tls->client_ca)
		return true;
	const gnutls_datum_t text = {.data = (unsigned char *)tls->client_ca, .size = (unsigned)strlen(tls->client_ca)};
	const char *problem = check_time(tls->client_ca, false);
	int count = problem ? 0 : gnutls_certificate_set_x509_trust_mem(tls->credentials, &text, GNUTLS_X509_FMT_PEM);
	return count > 0 || refuse(reterr, "tls_client_ca", &config->admin_tls_client_ca, problem ? problem : "holds no certificate that can be read");
}

static bool fill(struct admin_tls *tls, const struct config *config, struct tls_files *files, struct config_error *reterr)
{
	if (gnutls_certificate_allocate_credentials(&tls->credentials) < 0) {
		snprintf(reterr->text, sizeof(reterr->text), "admin.tls_certificate: out of memory");
		return false;
	}
	tls->certificate = files->certificate;
	tls->key = files->key;
	tls->client_ca = files->ca;
	*files = (struct tls_files){0};
	return set_own(tls, config, reterr) && set_client_ca(tls, config, reterr);
}

bool ringcast_admin_tls_load(const struct config *config, struct admin_tls **ret_tls, struct config_error *reterr)
{
	ringcast_assert(config && ret_tls && reterr);
	struct tls_files files;
	*ret_tls = NULL;
	if (!config->admin_tls_certificate.text[0])
		return true;
	if (!ringcast_tls_files_load_admin(config, &files, reterr))
		return false;
	struct admin_tls *tls = calloc(1, sizeof(*tls));
	bool is_whole = tls && fill(tls, config, &files, reterr);
	if (!tls)
		snprintf(reterr->text, sizeof(reterr->text), "admin.tls_certificate: out of memory");
	ringcast_tls_files_free(&files);
	if (is_whole)
		*ret_tls = tls;
	else
		ringcast_admin_tls_free(&tls);
	return is_whole;
}

static void free_one(struct admin_tls *tls)
{
	struct tls_files files = {.certificate = tls->certificate, .key = tls->key, .ca = tls->client_ca};
	ringcast_tls_files_free(&files);
	if (tls->credentials)
		gnutls_certificate_free_credentials(tls->credentials);
	free(tls);
}

void ringcast_admin_tls_free(struct admin_tls **tls)
{
	ringcast_assert(tls);
	while (*tls) {
		struct admin_tls *older = (*tls)->older;
		free_one(*tls);
		*tls = older;
	}
}

static bool is_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

void ringcast_admin_tls_supersede(struct admin_tls **tls, struct admin_tls *next)
{
	ringcast_assert(tls && *tls && next && !next->older);
	if (is_equal((*tls)->certificate, next->certificate) && is_equal((*tls)->key, next->key) && is_equal((*tls)->client_ca, next->client_ca)) {
		free_one(next);
		return;
	}
	next->older = *tls;
	*tls = next;
}

const char *ringcast_admin_tls_certificate(const struct admin_tls *tls)
{
	return tls->certificate;
}

const char *ringcast_admin_tls_key(const struct admin_tls *tls)
{
	return tls->key;
}

void ringcast_admin_tls_attach(const struct admin_tls *tls, struct gnutls_session_int *session)
{
	ringcast_assert(tls && session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
	gnutls_certificate_server_set_request(session, tls->client_ca ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
}

/* A name with a NUL in it is two names, depending on who reads it: it is left out, as one that is too long. */
static void add_name(struct admin_tls_names *names, const char *text, size_t size)
{
	if (names->count == ADMIN_TLS_NAMES_MAX || size == 0 || size >= ADMIN_TLS_NAME_BYTES || memchr(text, 0, size))
		return;
	memcpy(names->list[names->count], text, size);
	names->list[names->count++][size] = 0;
}

static void read_names(gnutls_x509_crt_t certificate, struct admin_tls_names *names)
{
	char text[ADMIN_TLS_NAME_BYTES];
	size_t size = sizeof(text);
	if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size) == 0)
		add_name(names, text, size);
	for (unsigned i = 0; i < ADMIN_TLS_NAMES_MAX; i++) {
		size = sizeof(text);
		int kind = gnutls_x509_crt_get_subject_alt_name(certificate, i, text, &size, NULL);
		if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return;
		if (kind == GNUTLS_SAN_DNSNAME || kind == GNUTLS_SAN_RFC822NAME || kind == GNUTLS_SAN_URI)
			add_name(names, text, size);
	}
}

static void say_problem(unsigned status, struct admin_tls_names *names)
{
	gnutls_datum_t text;
	if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) != 0)
		return;
	snprintf(names->problem, sizeof(names->problem), "%.*s", (int)text.size, (const char *)text.data);
	gnutls_free(text.data);
}

static bool verify(const struct admin_tls *tls, gnutls_x509_crt_t *chain, unsigned count, struct admin_tls_names *names)
{
	gnutls_x509_trust_list_t trusted;
	unsigned status = 0;
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
	gnutls_certificate_get_trust_list(tls->credentials, &trusted);
	if (gnutls_x509_trust_list_verify_crt2(trusted, chain, count, &purpose, 1, 0, &status, NULL) != 0)
		status |= GNUTLS_CERT_INVALID;
	if (status != 0)
		say_problem(status, names);
	return status == 0;
}

enum admin_tls_peer ringcast_admin_tls_identify(const struct admin_tls *tls, struct gnutls_session_int *session, struct admin_tls_names *ret_names)
{
	ringcast_assert(tls && session && ret_names);
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned shown = 0, count = 0;
	const gnutls_datum_t *certificates = gnutls_certificate_get_peers(session, &shown);
	*ret_names = (struct admin_tls_names){0};
	if (!certificates || shown == 0 || !tls->client_ca)
		return ADMIN_TLS_NOBODY;
	for (; count < shown && count < CHAIN_MAX; count++) {
		if (gnutls_x509_crt_init(&chain[count]) < 0)
			break;
		if (gnutls_x509_crt_import(chain[count], &certificates[count], GNUTLS_X509_FMT_DER) < 0) {
			gnutls_x509_crt_deinit(chain[count]);
			break;
		}
	}
	bool is_known = count > 0 && verify(tls, chain, count, ret_names);
	if (is_known)
		read_names(chain[0], ret_names);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	return is_known ? ADMIN_TLS_KNOWN : ADMIN_TLS_BAD;
}
