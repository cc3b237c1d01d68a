/* Certificates: whether one will do, one for development, and what clients verify it with. */
#ifndef RINGCAST_SECURITY_CERTIFICATE_H
#define RINGCAST_SECURITY_CERTIFICATE_H

#include "security/settle.h"

bool ringcast_security_check_certificate(const struct crypto_backend *backend, const struct crypto_credentials *credentials, const char *host_name,
					 struct certificate_facts *ret_facts, char *error, size_t error_bytes);
bool ringcast_security_make_certificate(struct security *security, const char *names, char *error, size_t error_bytes); /* a CA and a leaf in memory */
const char *ringcast_security_last_of_chain(const char *certificate);
bool ringcast_security_check_client_ca(const struct crypto_backend *backend, const struct crypto_credentials *credentials, char *error,
				       size_t error_bytes);
void ringcast_security_warn_of_expiry(const struct certificate_facts *facts);
void ringcast_security_warn_of_missing_ca(const struct crypto_backend *backend, const char *certificate, const char *ca); /* ca: what a login's answer holds */

#endif
