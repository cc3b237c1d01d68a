/*
 * The configuration: a plain value, copied freely. Filled in layers, each overriding the one before:
 * built-in defaults, --dev, the file, the environment, the flags. Control threads only.
 */
#ifndef RINGCAST_CONTROL_CONFIG_H
#define RINGCAST_CONTROL_CONFIG_H

#include <stdio.h>

#include "control/options.h"

enum config_source { CONFIG_DEFAULT, CONFIG_DEV, CONFIG_FILE, CONFIG_ENV, CONFIG_FLAG };

#define CONFIG_FIELD_BOOL bool
#define CONFIG_FIELD_UINT uint32_t
#define CONFIG_FIELD_DURATION uint64_t /* milliseconds */
#define CONFIG_FIELD_SIZE uint64_t     /* bytes */
#define CONFIG_FIELD_ENUM uint32_t     /* index of the choice */
#define CONFIG_STRING_BYTES 256

struct config_text {
	char text[CONFIG_STRING_BYTES];
};
#define CONFIG_FIELD_STRING struct config_text
#define CONFIG_FIELD_ADDRESS struct config_text
#define CONFIG_FIELD_ENDPOINT struct config_text

struct config {
#define OPTION(field, section, key, type, ...) CONFIG_FIELD_##type field;
#include "control/options.def"
#undef OPTION
	ringcast_limits limits;
	uint8_t sources[OPTION_COUNT]; /* enum config_source, by option_index */
	uint32_t lines[OPTION_COUNT];  /* of the file, likewise; 0: none of it */
};

/* One clear line, "where: what, and what would be right". */
struct config_error {
	char text[512];
};

void ringcast_config_init(struct config *config); /* defaults */
void ringcast_config_apply_dev(struct config *config);
/* where names the place for the message, such as "--tcp-port" or "ringcastd.yaml:12". */
bool ringcast_config_set(struct config *config, const struct option *option, const char *text, enum config_source source, const char *where,
			 struct config_error *reterr);
bool ringcast_config_load_file(struct config *config, const char *path, struct config_error *reterr);
bool ringcast_config_load_text(struct config *config, const char *name, const char *text, size_t size, struct config_error *reterr);
/* environment: NULL-terminated "NAME=value"; an empty value counts as unset. */
bool ringcast_config_load_env(struct config *config, char *const *environment, struct config_error *reterr);
/* Whether "NAME=value" begins like ours and is none that anybody knows; then its name is given, and the nearest that is one. */
bool ringcast_config_is_strange_env(const char *variable, char ret_name[OPTION_PATH_BYTES], char ret_nearest[OPTION_PATH_BYTES]);
/* What only several keys together can get wrong. */
bool ringcast_config_check(const struct config *config, struct config_error *reterr);

void *ringcast_config_field(struct config *config, const struct option *option);
const void *ringcast_config_field_const(const struct config *config, const struct option *option);
enum config_source ringcast_config_source(const struct config *config, const struct option *option);
uint32_t ringcast_config_line(const struct config *config, const struct option *option); /* of the file that last said it; 0: none did */
bool ringcast_config_is_secret(const struct option *option); /* what it says is nobody's to see who may read the configuration */
const char *ringcast_config_source_name(enum config_source source);

/* Engine options from the configuration; the strings are borrowed from config. Callbacks, log and PEM texts are left to the caller. */
void ringcast_config_engine_options(const struct config *config, ringcast_engine_options *ret_options);
uint32_t ringcast_config_shard_count(const struct config *config); /* 0 resolved to the CPUs */

/* The path that a key of a file stands for: "credential:NAME" is what the service manager hands over (LoadCredential=). False: reterr says why not. */
bool ringcast_config_path(const struct config_text *text, char ret_path[2 * CONFIG_STRING_BYTES], struct config_error *reterr);

/* config_doc.c */
void ringcast_config_print(const struct config *config, FILE *out); /* a file that loads back to the same configuration */
void ringcast_config_print_doc(FILE *out);                          /* the reference, as Markdown */

#endif
