/* The PEM files that the configuration names, in memory. Control threads only. */
#ifndef RINGCAST_CONTROL_TLS_FILES_H
#define RINGCAST_CONTROL_TLS_FILES_H

#include "control/config.h"

struct tls_files { /* heap texts with NUL; NULL: not configured */
	char *certificate, *key, *ca;
};

/* False with one line that names key and file. Nothing is configured: true, all NULL. */
bool ringcast_tls_files_load(const struct config *config, struct tls_files *ret_files, struct config_error *reterr);
/* The same of the admin API's files; ca: that of its clients. */
bool ringcast_tls_files_load_admin(const struct config *config, struct tls_files *ret_files, struct config_error *reterr);
void ringcast_tls_files_free(struct tls_files *files); /* wipes the key */
/* Engine options with the files in them (borrowed). --dev without a certificate: one is made, if this build has a library for it. */
void ringcast_tls_files_options(const struct config *config, const struct tls_files *files, bool is_dev, ringcast_engine_options *ret_options);
/* What the engine would say about the configuration and these files, without starting anything. */
bool ringcast_tls_files_check(const struct config *config, bool is_dev, struct config_error *reterr);

#endif
