/* PEM files from the configuration into the engine's options, and what is wrong with them, one line each. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/tls_files.h"

#define PEM "-----BEGIN CERTIFICATE-----\nfake: good\n-----END CERTIFICATE-----\n"

static char directory[] = "/tmp/ringcast-tls-XXXXXX";
static struct config config;
static struct config_error error;

static void set_up(void)
{
	memcpy(directory, "/tmp/ringcast-tls-XXXXXX", sizeof(directory));
	cr_assert(mkdtemp(directory) != NULL);
	ringcast_config_init(&config);
	error.text[0] = 0;
}

static void tear_down(void)
{
	static const char *const names[] = {"c.pem", "k.pem", "ca.pem"};
	char path[64];
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	cr_assert_eq(rmdir(directory), 0);
}

TestSuite(tls_files, .init = set_up, .fini = tear_down);

static void write_file(const char *name, const char *text, size_t size, struct config_text *ret_path)
{
	snprintf(ret_path->text, sizeof(ret_path->text), "%s/%s", directory, name);
	FILE *file = fopen(ret_path->text, "w");
	cr_assert(file != NULL);
	cr_assert_eq(fwrite(text, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
}

static void write_good(void)
{
	write_file("c.pem", PEM, strlen(PEM), &config.tls_certificate);
	write_file("k.pem", "-----BEGIN PRIVATE KEY-----\n", 28, &config.tls_key);
}

Test(tls_files, nothing_configured_is_nothing_loaded)
{
	struct tls_files files;
	cr_assert(ringcast_tls_files_load(&config, &files, &error));
	cr_assert(!files.certificate && !files.key && !files.ca);
	ringcast_tls_files_free(&files);
	cr_assert(ringcast_tls_files_check(&config, false, &error));
}

Test(tls_files, texts_reach_the_engine_as_they_are)
{
	struct tls_files files;
	ringcast_engine_options options;
	write_good();
	write_file("ca.pem", PEM "\n" PEM, 2 * strlen(PEM) + 1, &config.tls_ca);
	snprintf(config.tls_host_name.text, sizeof(config.tls_host_name.text), "play.example.com");
	config.tls_mode = RINGCAST_SECURITY_OPTIONAL;
	config.tls_version_min = RINGCAST_TLS_1_3;
	cr_assert(ringcast_tls_files_load(&config, &files, &error), "%s", error.text);
	ringcast_tls_files_options(&config, &files, false, &options);
	cr_assert_str_eq(options.certificate, PEM);
	cr_assert_str_eq(options.key, "-----BEGIN PRIVATE KEY-----\n");
	cr_assert_str_eq(options.client_ca, PEM "\n" PEM);
	cr_assert_str_eq(options.host_name, "play.example.com");
	cr_assert_null(options.ciphers);
	cr_assert_null(options.crypto_backend);
	cr_assert_eq(options.security, RINGCAST_SECURITY_OPTIONAL);
	cr_assert_eq(options.tls_version_min, RINGCAST_TLS_1_3);
	cr_assert(!options.is_certificate_made && !options.is_open);
	ringcast_tls_files_free(&files);
	cr_assert_null(files.key);
	cr_assert(ringcast_tls_files_check(&config, false, &error));
}

Test(tls_files, the_engine_has_the_last_word)
{
	write_good();
	write_file("c.pem", "-----BEGIN nonsense\n", 20, &config.tls_certificate);
	cr_assert(!ringcast_tls_files_check(&config, false, &error));
	cr_assert_str_eq(error.text, "the certificate is not a good one");
}

static void expect_refusal(const char *expected)
{
	struct tls_files files;
	char whole[600];
	cr_assert(!ringcast_tls_files_load(&config, &files, &error));
	snprintf(whole, sizeof(whole), expected, directory);
	cr_assert_str_eq(error.text, whole);
}

Test(tls_files, each_problem_names_key_and_file)
{
	write_good();
	snprintf(config.tls_key.text, sizeof(config.tls_key.text), "%s/none.pem", directory);
	expect_refusal("tls.key: %s/none.pem: No such file or directory");
	write_good();
	snprintf(config.tls_certificate.text, sizeof(config.tls_certificate.text), "%s", directory);
	expect_refusal("tls.certificate: %s: Is a directory");
	write_good();
	write_file("ca.pem", "\x30\x82", 2, &config.tls_ca);
	expect_refusal("tls.ca: %s/ca.pem: not a PEM file: no -----BEGIN line");
	write_file("ca.pem", "", 0, &config.tls_ca);
	expect_refusal("tls.ca: %s/ca.pem: not a PEM file: no -----BEGIN line");
}

Test(tls_files, a_huge_file_is_not_read_to_its_end)
{
	struct tls_files files;
	size_t size = 70000;
	char *text = malloc(size);
	memset(text, 'x', size);
	memcpy(text, PEM, strlen(PEM));
	write_good();
	write_file("c.pem", text, size, &config.tls_certificate);
	free(text);
	cr_assert(!ringcast_tls_files_load(&config, &files, &error));
	cr_assert(strstr(error.text, "longer than 64 KiB") != NULL, "%s", error.text);
}

Test(tls_files, certificate_and_key_go_together)
{
	write_good();
	cr_assert(ringcast_config_check(&config, &error));
	config.tls_key.text[0] = 0;
	cr_assert(!ringcast_config_check(&config, &error));
	cr_assert_str_eq(error.text, "tls.certificate: a certificate and its key go together; set tls.key too");
	write_good();
	config.tls_certificate.text[0] = 0;
	cr_assert(!ringcast_config_check(&config, &error));
	cr_assert_str_eq(error.text, "tls.key: a certificate and its key go together; set tls.certificate too");
}
