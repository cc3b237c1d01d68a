/* Certificates: what is the same with every library. */
#include "crypto/cert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "crypto/cert_names.h"
#include "crypto/crypto_private.h"

enum { SERVER_DAYS_MAX = 397 };

/* names */

static size_t parse_ip(const char *text, uint8_t ret_ip[16])
{
	if (inet_pton(AF_INET, text, ret_ip) == 1)
		return 4;
	return inet_pton(AF_INET6, text, ret_ip) == 1 ? 16 : 0;
}

bool ringcast_certificate_next_name(const char **list, struct certificate_name *ret_name)
{
	const char *start = *list;
	if (start == NULL)
		return false;
	start += strspn(start, ", ");
	size_t size = strcspn(start, ", ");
	*list = start + size;
	if (size == 0 || size >= sizeof(ret_name->dns))
		return false;
	memcpy(ret_name->dns, start, size);
	ret_name->dns[size] = '\0';
	ret_name->ip_bytes = parse_ip(ret_name->dns, ret_name->ip);
	return true;
}

static void add_text(struct certificate_facts *facts, const char *text, size_t size)
{
	size_t used = strlen(facts->names);
	size_t comma = used > 0;
	if (size == 0 || used + comma + size >= sizeof(facts->names))
		return;
	if (comma)
		facts->names[used++] = ',';
	memcpy(facts->names + used, text, size);
	facts->names[used + size] = '\0';
}

static bool is_printable(const char *text, size_t size)
{
	for (size_t index = 0; index < size; index++)
		if (text[index] <= ' ' || text[index] > '~' || text[index] == ',')
			return false;
	return true;
}

void ringcast_certificate_add_dns(struct certificate_facts *facts, const char *dns, size_t dns_bytes)
{
	if (is_printable(dns, dns_bytes))
		add_text(facts, dns, dns_bytes);
}

void ringcast_certificate_add_ip(struct certificate_facts *facts, const uint8_t *ip, size_t ip_bytes)
{
	char text[INET6_ADDRSTRLEN];
	if ((ip_bytes == 4 || ip_bytes == 16) && inet_ntop(ip_bytes == 4 ? AF_INET : AF_INET6, ip, text, sizeof(text)) != NULL)
		add_text(facts, text, strlen(text));
}

void ringcast_certificate_print_fingerprint(const uint8_t *digest, size_t digest_bytes, char ret_text[96])
{
	ringcast_assert(digest_bytes * 3 <= 96);
	for (size_t index = 0; index < digest_bytes; index++)
		snprintf(ret_text + index * 3, 4, "%02X%s", digest[index], index + 1 < digest_bytes ? ":" : "");
}

/* A wildcard stands for exactly one label, the leftmost, and never for all of a top-level domain. */
static bool does_wildcard_cover(const char *name, const char *host)
{
	const char *host_rest = strchr(host, '.');
	if (strncmp(name, "*.", 2) != 0 || host_rest == NULL || host_rest == host)
		return false;
	return strchr(name + 2, '.') != NULL && strcasecmp(name + 1, host_rest) == 0;
}

static bool does_name_cover(const struct certificate_name *name, const char *host, const uint8_t *ip, size_t ip_bytes)
{
	if (ip_bytes != 0 || name->ip_bytes != 0)
		return name->ip_bytes == ip_bytes && memcmp(name->ip, ip, ip_bytes) == 0;
	return strcasecmp(name->dns, host) == 0 || does_wildcard_cover(name->dns, host);
}

bool ringcast_certificate_covers(const struct certificate_facts *facts, const char *host)
{
	uint8_t ip[16];
	size_t ip_bytes = parse_ip(host, ip);
	const char *list = facts->names;
	struct certificate_name name;
	while (ringcast_certificate_next_name(&list, &name))
		if (does_name_cover(&name, host, ip, ip_bytes))
			return true;
	return false;
}

/* making and checking */

static bool check_request(const struct certificate_request *request, char *reterr, size_t reterr_bytes)
{
	const char *list = request->names;
	struct certificate_name name;
	if (request->common_name == NULL || request->common_name[0] == '\0' || strlen(request->common_name) > 64)
		return ringcast_crypto_complain(reterr, reterr_bytes, "a certificate's common name has 1 to 64 characters");
	if (request->days == 0 || (!request->is_ca && request->days > SERVER_DAYS_MAX))
		return ringcast_crypto_complain(reterr, reterr_bytes, "%u days: a server's certificate is valid for 1 to %d", request->days,
						SERVER_DAYS_MAX);
	if (!request->is_ca && !ringcast_certificate_next_name(&list, &name))
		return ringcast_crypto_complain(reterr, reterr_bytes, "a server's certificate needs at least one name (DNS or IP)");
	if (request->names != NULL && strlen(request->names) >= CERTIFICATE_NAME_BYTES)
		return ringcast_crypto_complain(reterr, reterr_bytes, "the names are too long; %d characters together",
						CERTIFICATE_NAME_BYTES - 1);
	return true;
}

bool ringcast_certificate_make(const struct certificate_request *request, struct certificate *ret_certificate, char *reterr,
			       size_t reterr_bytes)
{
	const struct crypto_backend *backend = ringcast_crypto_backend(NULL);
	if (backend == NULL)
		return ringcast_crypto_complain(reterr, reterr_bytes, "built without TLS");
	return check_request(request, reterr, reterr_bytes) && backend->certificate_make(request, ret_certificate, reterr, reterr_bytes);
}

bool ringcast_certificate_check(const struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *reterr,
				size_t reterr_bytes)
{
	const struct crypto_backend *backend = ringcast_crypto_backend(NULL);
	if (backend == NULL)
		return ringcast_crypto_complain(reterr, reterr_bytes, "built without TLS");
	ringcast_assert(credentials->certificate != NULL);
	return backend->certificate_check(credentials, ret_facts, reterr, reterr_bytes);
}
