/*
 * TLS of the admin API: its certificate, and who its clients are. A client may show a certificate that admin.tls_client_ca has signed; what it may do is
 * written in admin.tokens, by one of the names in it: the subject's common name, or an alternative name (DNS, e-mail, URI). Nobody must, unless
 * admin.tls_client_required says so: a token, by TLS, is good enough.
 *
 * Credentials are made whole or not at all, never change, and may be used by several threads.
 */
#ifndef RINGCAST_CONTROL_ADMIN_TLS_H
#define RINGCAST_CONTROL_ADMIN_TLS_H

#include "control/config.h"

#define ADMIN_TLS_NAMES_MAX 16
#define ADMIN_TLS_NAME_BYTES 128 /* with NUL; a longer name is nobody's */

struct gnutls_session_int;
struct admin_tls;

enum admin_tls_peer {
	ADMIN_TLS_NOBODY, /* no certificate was shown */
	ADMIN_TLS_BAD,    /* one that is not good here */
	ADMIN_TLS_KNOWN,
};

struct admin_tls_names {
	size_t count;
	char list[ADMIN_TLS_NAMES_MAX][ADMIN_TLS_NAME_BYTES];
	char problem[160]; /* of a bad certificate: why */
};

/* *ret_tls NULL: config has no admin.tls_certificate. False: reterr names key and file. */
bool ringcast_admin_tls_load(const struct config *config, struct admin_tls **ret_tls, struct config_error *reterr);
void ringcast_admin_tls_free(struct admin_tls **tls); /* accepts NULL inside, nulls; with all it replaced. No session may use them any more */
const char *ringcast_admin_tls_certificate(const struct admin_tls *tls); /* PEM */
const char *ringcast_admin_tls_key(const struct admin_tls *tls);
/*
 * next takes the place of *tls, unless it is the same (then it is freed). What it replaces lives on behind it, because connections that have begun with it
 * may go on; a certificate is renewed some times a year.
 */
void ringcast_admin_tls_supersede(struct admin_tls **tls, struct admin_tls *next);
/* A session that has not begun its handshake uses these from now on. */
void ringcast_admin_tls_attach(const struct admin_tls *tls, struct gnutls_session_int *session);
/* Who is at the other end, as tls sees it now: what the session began with may have been replaced since. */
enum admin_tls_peer ringcast_admin_tls_identify(const struct admin_tls *tls, struct gnutls_session_int *session, struct admin_tls_names *ret_names);

#endif
