/* Certificates: made by each library, judged by each, and what is said about bad ones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "libraries.h"
#include "pair.h"

enum { NOW_S = 1700000000, DAY_S = 86400 };

typedef void check_fn(const struct crypto_backend *maker, const struct crypto_backend *judge);
static check_fn *current_check;

static void check_pair(const struct pair_options *options)
{
	current_check(options->client, options->server);
}

static void for_all(check_fn *check)
{
	current_check = check;
	for_all_libraries(CRYPTO_STREAM, check_pair);
}

static struct certificate make(const struct crypto_backend *maker, const char *names, const struct certificate *issuer)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct certificate made;
	struct certificate_request request = {.common_name = names != NULL ? "a server" : "an authority",
					      .names = names,
					      .now_s = NOW_S,
					      .days = 30,
					      .is_ca = names == NULL,
					      .issuer = issuer};
	cr_assert(maker->certificate_make(&request, &made, error, sizeof(error)), "%s", error);
	return made;
}

/* A server's certificate followed by its issuer's. */
static void join(const struct certificate *leaf, const struct certificate *issuer, char ret_pem[2 * CERTIFICATE_PEM_BYTES])
{
	snprintf(ret_pem, 2 * CERTIFICATE_PEM_BYTES, "%s%s", leaf->certificate, issuer->certificate);
}

static void check_facts(const struct crypto_backend *maker, const struct crypto_backend *judge)
{
	char error[CRYPTO_ERROR_BYTES] = "", pem[2 * CERTIFICATE_PEM_BYTES];
	struct certificate authority = make(maker, NULL, NULL),
			   server = make(maker, "relay.test,*.b.test, 192.0.2.1,2001:db8::1", &authority);
	struct certificate_facts facts;
	join(&server, &authority, pem);
	struct crypto_credentials credentials = {.certificate = pem, .key = server.key};
	cr_assert(judge->certificate_check(&credentials, &facts, error, sizeof(error)), "%s", error);
	static const char *const hosts[] = {"relay.test", "a.b.test", "192.0.2.1", "2001:db8::1"};
	cr_assert_eq(strlen(facts.names), strlen("relay.test,*.b.test,192.0.2.1,2001:db8::1"), "%s", facts.names);
	for (size_t index = 0; index < ARRAY_COUNT(hosts); index++)
		cr_assert(ringcast_certificate_covers(&facts, hosts[index]), "%s is not among %s", hosts[index], facts.names);
	cr_assert_str_eq(facts.subject, "a server");
	cr_assert_eq(facts.not_before_s, NOW_S - 3600);
	cr_assert_eq(facts.not_after_s, NOW_S + 30 * DAY_S);
	cr_assert_eq(strlen(facts.fingerprint), 95);
	cr_assert_eq(strspn(facts.fingerprint, "0123456789ABCDEF:"), 95);
}

Test(cert, facts_of_what_was_made)
{
	for_all(check_facts);
}

static void check_dates(const struct crypto_backend *maker, const struct crypto_backend *judge)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct certificate made;
	struct certificate_facts facts;
	struct certificate_request request = {.common_name = "long", .now_s = NOW_S, .days = 20000, .is_ca = true};
	cr_assert(maker->certificate_make(&request, &made, error, sizeof(error)), "%s", error);
	struct crypto_credentials credentials = {.certificate = made.certificate, .key = made.key};
	cr_assert(judge->certificate_check(&credentials, &facts, error, sizeof(error)), "%s", error);
	cr_assert_eq(facts.not_after_s, NOW_S + UINT64_C(20000) * DAY_S, "dates after 2049 are written in another form");
}

Test(cert, dates_beyond_2049)
{
	for_all(check_dates);
}

static void refuse(const struct crypto_backend *judge, const char *certificate, const char *key, const char *why)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct certificate_facts facts = {.subject = "untouched"};
	struct crypto_credentials credentials = {.certificate = certificate, .key = key};
	cr_assert_not(judge->certificate_check(&credentials, &facts, error, sizeof(error)), "taken: %s", why);
	cr_assert_not_null(strstr(error, why), "\"%s\" does not say \"%s\"", error, why);
	cr_assert_null(strchr(error, '\n'));
	cr_assert_str_eq(facts.subject, "untouched");
	struct crypto_options options = {.kind = CRYPTO_STREAM, .role = CRYPTO_SERVER, .credentials = credentials, .ticket_secret = {1}};
	cr_assert_null(ringcast_crypto_context_create(judge, &options, error, sizeof(error)));
	cr_assert_gt(strlen(error), 0);
}

static void check_bad_files(const struct crypto_backend *maker, const struct crypto_backend *judge)
{
	char text[2 * CERTIFICATE_PEM_BYTES];
	struct certificate authority = make(maker, NULL, NULL), stranger = make(maker, NULL, NULL);
	struct certificate server = make(maker, "relay.test", &authority);
	refuse(judge, server.certificate, authority.key, "the key does not belong to the certificate");
	refuse(judge, "", server.key, "certificate: no PEM certificate in it");
	refuse(judge, server.key, server.key, "certificate: no PEM certificate in it");
	refuse(judge, server.certificate, "", "key: no PEM private key");
	refuse(judge, server.certificate, server.certificate, "key: no PEM private key");
	join(&server, &stranger, text);
	refuse(judge, text, server.key, "number 1 of the file is not signed by number 2");
	snprintf(text, sizeof(text), "%.*s", (int)strlen(server.certificate) / 2, server.certificate);
	refuse(judge, text, server.key, "certificate 1 of the file is damaged or cut off");
	snprintf(text, sizeof(text), "%s%.*s", server.certificate, (int)strlen(authority.certificate) / 2, authority.certificate);
	refuse(judge, text, server.key, "certificate 2 of the file is damaged or cut off");
	snprintf(text, sizeof(text), "%.*s", (int)strlen(server.key) / 2, server.key);
	refuse(judge, server.certificate, text, "key: no PEM private key, or damaged");
	refuse(judge, server.certificate,
	       "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBB1\n-----END ENCRYPTED PRIVATE "
	       "KEY-----\n",
	       "key: it is encrypted with a password; give it without");
}

Test(cert, bad_files_each_give_one_line)
{
	for_all(check_bad_files);
}

static void check_damage(const struct crypto_backend *maker, const struct crypto_backend *judge)
{
	struct certificate server = make(maker, "relay.test", NULL);
	size_t size = strlen(server.certificate), refused = 0;
	for (size_t at = 0; at < size; at += 7) {
		char error[CRYPTO_ERROR_BYTES];
		struct certificate damaged = server;
		struct certificate_facts facts;
		struct crypto_credentials credentials = {.certificate = damaged.certificate, .key = damaged.key};
		damaged.certificate[at] = damaged.certificate[at] == 'A' ? 'B' : 'A';
		refused += !judge->certificate_check(&credentials, &facts, error, sizeof(error));
	}
	cr_assert_gt(refused, 10, "damage is seldom noticed");
}

Test(cert, damage_anywhere_is_survived)
{
	for_all(check_damage);
}

static void refuse_request(struct certificate_request request, const char *why)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct certificate made;
	cr_assert_not(ringcast_certificate_make(&request, &made, error, sizeof(error)), "made: %s", why);
	cr_assert_not_null(strstr(error, why), "\"%s\" does not say \"%s\"", error, why);
}

Test(cert, requests_that_make_no_sense)
{
	const struct certificate *authority = pair_authority();
	struct certificate mixed = *authority;
	memcpy(mixed.key, pair_certificate()->key, sizeof(mixed.key));
	refuse_request((struct certificate_request){.common_name = "", .days = 1, .is_ca = true}, "common name");
	refuse_request((struct certificate_request){.common_name = "x", .days = 0, .is_ca = true}, "days");
	refuse_request((struct certificate_request){.common_name = "x", .names = "x.test", .days = 398}, "397");
	refuse_request((struct certificate_request){.common_name = "x", .days = 30}, "at least one name");
	refuse_request((struct certificate_request){.common_name = "x", .names = " , ", .days = 30}, "at least one name");
	refuse_request((struct certificate_request){.common_name = "x", .names = "x.test", .days = 30, .issuer = &mixed}, "issuer: ");
}

Test(cert, names_that_cover_a_host)
{
	static const struct {
		const char *names, *host;
		bool is_covered;
	} cases[] = {
		{"relay.test", "relay.test", true},
		{"relay.test", "RELAY.Test", true},
		{"relay.test", "relay.test.", false},
		{"relay.test", "xrelay.test", false},
		{"relay.test", "relay.tes", false},
		{"a.test,b.test", "b.test", true},
		{"*.b.test", "a.b.test", true},
		{"*.b.test", "b.test", false},
		{"*.b.test", ".b.test", false},
		{"*.b.test", "x.a.b.test", false},
		{"*.test", "a.test", false},
		{"a.*.test", "a.b.test", false},
		{"*b.test", "ab.test", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.10", false},
		{"*.0.2.1", "192.0.2.1", false},
		{"2001:db8::1", "2001:db8:0:0::1", true},
		{"2001:db8::1", "2001:db8::2", false},
		{"::ffff:192.0.2.1", "192.0.2.1", false},
		{"", "relay.test", false},
		{"relay.test", "", false},
	};
	for (size_t index = 0; index < ARRAY_COUNT(cases); index++) {
		struct certificate_facts facts = {0};
		snprintf(facts.names, sizeof(facts.names), "%s", cases[index].names);
		cr_assert_eq(ringcast_certificate_covers(&facts, cases[index].host), cases[index].is_covered, "%s, %s", cases[index].names,
			     cases[index].host);
	}
}
