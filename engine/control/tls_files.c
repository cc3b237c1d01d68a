#include "control/tls_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define PEM_BYTES_MAX 65536

static bool read_all(FILE *file, char *out, size_t *ret_size)
{
	*ret_size = fread(out, 1, PEM_BYTES_MAX, file);
	return !ferror(file);
}

/* "" is no file. */
static bool load(const char *key, const struct config_text *value, char **ret_text, struct config_error *reterr)
{
	char problem[256] = "", path[2 * CONFIG_STRING_BYTES];
	size_t size = 0;
	*ret_text = NULL;
	if (!value->text[0])
		return true;
	if (!ringcast_config_path(value, path, reterr)) {
		snprintf(problem, sizeof(problem), "%.255s", reterr->text);
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", key, problem);
		return false;
	}
	FILE *file = fopen(path, "re");
	char *text = calloc(1, PEM_BYTES_MAX + 1);
	if (!file)
		snprintf(problem, sizeof(problem), "%s", strerror(errno));
	else if (!text)
		snprintf(problem, sizeof(problem), "out of memory");
	else if (!read_all(file, text, &size))
		snprintf(problem, sizeof(problem), "%s", strerror(errno));
	else if (size == PEM_BYTES_MAX)
		snprintf(problem, sizeof(problem), "longer than 64 KiB; is this a PEM file?");
	else if (!strstr(text, "-----BEGIN "))
		snprintf(problem, sizeof(problem), "not a PEM file: no -----BEGIN line");
	if (file)
		fclose(file);
	if (!*problem) {
		*ret_text = text;
		return true;
	}
	free(text);
	snprintf(reterr->text, sizeof(reterr->text), "%s: %.220s: %s", key, path, problem);
	return false;
}

bool ringcast_tls_files_load(const struct config *config, struct tls_files *ret_files, struct config_error *reterr)
{
	ringcast_assert(config && ret_files && reterr);
	struct tls_files files = {0};
	if (load("tls.certificate", &config->tls_certificate, &files.certificate, reterr) &&
	    load("tls.key", &config->tls_key, &files.key, reterr) && load("tls.ca", &config->tls_ca, &files.ca, reterr)) {
		*ret_files = files;
		return true;
	}
	ringcast_tls_files_free(&files);
	return false;
}

bool ringcast_tls_files_load_admin(const struct config *config, struct tls_files *ret_files, struct config_error *reterr)
{
	ringcast_assert(config && ret_files && reterr);
	struct tls_files files = {0};
	if (load("admin.tls_certificate", &config->admin_tls_certificate, &files.certificate, reterr) &&
	    load("admin.tls_key", &config->admin_tls_key, &files.key, reterr) &&
	    load("admin.tls_client_ca", &config->admin_tls_client_ca, &files.ca, reterr)) {
		*ret_files = files;
		return true;
	}
	ringcast_tls_files_free(&files);
	return false;
}

void ringcast_tls_files_free(struct tls_files *files)
{
	ringcast_assert(files);
	if (files->key)
		explicit_bzero(files->key, strlen(files->key));
	free(files->certificate);
	free(files->key);
	free(files->ca);
	*files = (struct tls_files){0};
}

void ringcast_tls_files_options(const struct config *config, const struct tls_files *files, bool is_dev, ringcast_engine_options *ret_options)
{
	ringcast_assert(config && files && ret_options);
	char library[256];
	ringcast_config_engine_options(config, ret_options);
	ret_options->certificate = files->certificate;
	ret_options->key = files->key;
	ret_options->client_ca = files->ca;
	ret_options->is_open = is_dev;
	ret_options->is_certificate_made =
		is_dev && ringcast_tls_library(ret_options->crypto_backend, library, sizeof(library)) == RINGCAST_OK;
}

bool ringcast_tls_files_check(const struct config *config, bool is_dev, struct config_error *reterr)
{
	ringcast_assert(config && reterr);
	struct tls_files files;
	ringcast_engine_options options;
	if (!ringcast_tls_files_load(config, &files, reterr))
		return false;
	ringcast_tls_files_options(config, &files, is_dev, &options);
	int result = ringcast_engine_check(&options, reterr->text, sizeof(reterr->text));
	ringcast_tls_files_free(&files);
	return result == RINGCAST_OK;
}
