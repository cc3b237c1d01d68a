/*
 * ringcast cert: a CA and server certificates for a test deployment, where no public CA will do. Writes four files into one directory:
 * ca.pem (for clients), ca.key (keep it away from servers), server.pem and server.key (for ringcastd).
 */
#include "tools/ringcast/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tools/ringcast/write_file.h"

enum {
	PATH_BYTES = 4096,
	CHAIN_BYTES_MAX = 65536,
	NAME_BYTES_MAX = 253,    /* of a DNS name */
	CA_DAYS = 3650,
	SERVER_DAYS_MAX = 397, /* what clients accept of a server */
};

static const char *directory_of(const struct cli_invocation *invocation)
{
	return ringcast_cli_value(invocation, CLI_OPTION_DIR, ".");
}

static bool path_of(const struct cli_invocation *invocation, const char *name, char out[PATH_BYTES])
{
	int size = snprintf(out, PATH_BYTES, "%s/%s", directory_of(invocation), name);
	if (size > 0 && size < PATH_BYTES - 8) /* room for the name of the new file beside it */
		return true;
	ringcast_cli_error(invocation, "--dir: the path is too long");
	return false;
}

/* files */

static bool read_pem(const struct cli_invocation *invocation, const char *path, char out[CERTIFICATE_PEM_BYTES])
{
	char *text = ringcast_cli_read_text(invocation, path, CERTIFICATE_PEM_BYTES - 1);
	if (!text)
		return false;
	size_t size = strlen(text);
	memcpy(out, text, size + 1);
	explicit_bzero(text, size);
	free(text);
	return true;
}

/* An overwritten CA key cannot be had back, and everything it signed must be made again. */
static bool may_write(const struct cli_invocation *invocation, const char *path)
{
	if (ringcast_cli_has(invocation, CLI_OPTION_FORCE) || access(path, F_OK) != 0)
		return true;
	ringcast_cli_error(invocation, "%s exists; --force replaces it", path);
	return false;
}

static bool write_pair(const struct cli_invocation *invocation, const struct certificate *certificate, const char *name)
{
	char certificate_path[PATH_BYTES], key_path[PATH_BYTES], file_name[32];
	snprintf(file_name, sizeof(file_name), "%s.pem", name);
	if (!path_of(invocation, file_name, certificate_path))
		return false;
	snprintf(file_name, sizeof(file_name), "%s.key", name);
	if (!path_of(invocation, file_name, key_path) || !may_write(invocation, certificate_path) || !may_write(invocation, key_path))
		return false;
	if (mkdir(directory_of(invocation), 0700) != 0 && errno != EEXIST) {
		ringcast_cli_error(invocation, "%s: %s", directory_of(invocation), strerror(errno));
		return false;
	}
	if (!ringcast_cli_write_file(invocation, key_path, certificate->key, 0600) || !ringcast_cli_write_file(invocation, certificate_path, certificate->certificate, 0644))
		return false;
	printf("%s\n%s (keep it secret)\n", certificate_path, key_path);
	return true;
}

/* certificates */

static bool start(const struct cli_invocation *invocation)
{
	char error[CRYPTO_ERROR_BYTES];
	if (!ringcast_crypto_backend(NULL)) {
		ringcast_cli_error(invocation, "this build has no TLS");
		return false;
	}
	if (ringcast_crypto_global_init(error, sizeof(error)))
		return true;
	ringcast_cli_error(invocation, "%s", error);
	return false;
}

static void print_time(const char *label, uint64_t seconds)
{
	char text[64];
	time_t time = (time_t)seconds;
	struct tm parts;
	gmtime_r(&time, &parts);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
	printf("%-12s %s\n", label, text);
}

static bool check(const struct cli_invocation *invocation, const char *path, const struct crypto_credentials *credentials,
		  struct certificate_facts *ret_facts)
{
	char error[CRYPTO_ERROR_BYTES];
	if (ringcast_certificate_check(credentials, ret_facts, error, sizeof(error)))
		return true;
	ringcast_cli_error(invocation, "%s: %s", path, error);
	return false;
}

static bool make(const struct cli_invocation *invocation, const struct certificate_request *request, const char *name)
{
	char error[CRYPTO_ERROR_BYTES];
	struct certificate certificate;
	struct certificate_facts facts;
	if (!ringcast_certificate_make(request, &certificate, error, sizeof(error))) {
		ringcast_cli_error(invocation, "%s", error);
		return false;
	}
	const struct crypto_credentials made = {.certificate = certificate.certificate, .key = certificate.key};
	bool is_made = check(invocation, "the new certificate", &made, &facts) && write_pair(invocation, &certificate, name);
	explicit_bzero(certificate.key, sizeof(certificate.key));
	if (is_made) {
		print_time("valid until", facts.not_after_s);
		printf("%-12s %s\n", "fingerprint", facts.fingerprint);
	}
	return is_made;
}

enum cli_exit ringcast_command_cert_ca(const struct cli_invocation *invocation)
{
	int64_t days = CA_DAYS;
	enum cli_exit usage = ringcast_cli_integer(invocation, CLI_OPTION_DAYS, 1, CA_DAYS * 3, &days);
	if (usage != CLI_OK)
		return usage;
	const struct certificate_request request = {
		.common_name = ringcast_cli_value(invocation, CLI_OPTION_NAME, "Ringcast test CA"),
		.now_s = (uint64_t)time(NULL),
		.days = (uint32_t)days,
		.is_ca = true,
	};
	return start(invocation) && make(invocation, &request, "ca") ? CLI_OK : CLI_FAILURE;
}

static bool read_issuer(const struct cli_invocation *invocation, struct certificate *ret_issuer)
{
	char path[PATH_BYTES], key_path[PATH_BYTES];
	struct certificate_facts facts;
	if (!path_of(invocation, "ca.pem", path) || !path_of(invocation, "ca.key", key_path))
		return false;
	if (access(path, F_OK) != 0) {
		ringcast_cli_error(invocation, "%s: %s; 'ringcast cert ca --dir %s' makes it", path, strerror(errno), directory_of(invocation));
		return false;
	}
	if (!read_pem(invocation, path, ret_issuer->certificate) || !read_pem(invocation, key_path, ret_issuer->key))
		return false;
	const struct crypto_credentials credentials = {.certificate = ret_issuer->certificate, .key = ret_issuer->key};
	if (!check(invocation, path, &credentials, &facts))
		return false;
	if (facts.not_after_s > (uint64_t)time(NULL))
		return true;
	ringcast_cli_error(invocation, "%s: the CA has expired; make a new one with 'ringcast cert ca --force'", path);
	return false;
}

static bool sign_server(const struct cli_invocation *invocation, uint32_t days)
{
	struct certificate issuer = {.key = ""};
	char common_name[64];
	const char *names = invocation->arguments[0];
	snprintf(common_name, sizeof(common_name), "%.*s", (int)strcspn(names, ","), names);
	const struct certificate_request request = {
		.common_name = common_name,
		.names = names,
		.now_s = (uint64_t)time(NULL),
		.days = days,
		.issuer = &issuer,
	};
	bool is_signed = read_issuer(invocation, &issuer) && make(invocation, &request, "server");
	explicit_bzero(issuer.key, sizeof(issuer.key));
	return is_signed;
}

static enum cli_exit check_names(const struct cli_invocation *invocation)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.:*";
	const char *name = invocation->arguments[0];
	for (;;) {
		size_t size = strcspn(name, ",");
		if (size == 0 || size > NAME_BYTES_MAX || strspn(name, allowed) < size) {
			ringcast_cli_error(invocation, "'%.*s' is neither a host name nor an address; names are separated by commas", (int)size, name);
			return CLI_USAGE;
		}
		if (name[size] == '\0')
			return CLI_OK;
		name += size + 1;
	}
}

enum cli_exit ringcast_command_cert_server(const struct cli_invocation *invocation)
{
	int64_t days = SERVER_DAYS_MAX;
	enum cli_exit usage = ringcast_cli_integer(invocation, CLI_OPTION_DAYS, 1, SERVER_DAYS_MAX, &days);
	if (usage == CLI_OK)
		usage = check_names(invocation);
	if (usage != CLI_OK)
		return usage;
	return start(invocation) && sign_server(invocation, (uint32_t)days) ? CLI_OK : CLI_FAILURE;
}

enum cli_exit ringcast_command_cert_show(const struct cli_invocation *invocation)
{
	const char *path = invocation->arguments[0];
	struct certificate_facts facts;
	char *text = start(invocation) ? ringcast_cli_read_text(invocation, path, CHAIN_BYTES_MAX) : NULL;
	const struct crypto_credentials credentials = {.certificate = text};
	bool is_understood = text && check(invocation, path, &credentials, &facts);
	free(text);
	if (!is_understood)
		return CLI_FAILURE;
	printf("%-12s %s\n", "subject", facts.subject);
	if (facts.names[0])
		printf("%-12s %s\n", "names", facts.names);
	print_time("valid from", facts.not_before_s);
	print_time("valid until", facts.not_after_s);
	printf("%-12s %s\n", "fingerprint", facts.fingerprint);
	if (facts.not_after_s > (uint64_t)time(NULL))
		return CLI_OK;
	ringcast_cli_error(invocation, "%s: expired", path);
	return CLI_FAILURE;
}
