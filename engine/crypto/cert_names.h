/* The names of a certificate as text: "relay.example,*.example,192.0.2.1,2001:db8::1". For backends; callers see cert.h. */
#ifndef RINGCAST_CRYPTO_CERT_NAMES_H
#define RINGCAST_CRYPTO_CERT_NAMES_H

#include "crypto/cert.h"

struct certificate_name {
	char dns[CERTIFICATE_NAME_BYTES]; /* when ip_bytes is 0 */
	uint8_t ip[16];
	size_t ip_bytes; /* 4, 16, or 0 */
};

/* The next name of a comma-separated list, which moves on; spaces around names do not count. False at the end. */
bool ringcast_certificate_next_name(const char **list, struct certificate_name *ret_name);
/* A name that does not fit any more, or that cannot be printed, is left out: it then covers nothing, which is the safe side. */
void ringcast_certificate_add_dns(struct certificate_facts *facts, const char *dns, size_t dns_bytes);
void ringcast_certificate_add_ip(struct certificate_facts *facts, const uint8_t *ip, size_t ip_bytes);
/* "AB:CD:..." with NUL. */
void ringcast_certificate_print_fingerprint(const uint8_t *digest, size_t digest_bytes, char ret_text[96]);

#endif
