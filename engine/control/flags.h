/* The command line. Overrides are kept as texts and applied over the other layers; see config.h. */
#ifndef RINGCAST_CONTROL_FLAGS_H
#define RINGCAST_CONTROL_FLAGS_H

#include "control/config.h"

enum flags_mode { FLAGS_RUN, FLAGS_CHECK_CONFIG, FLAGS_PRINT_CONFIG, FLAGS_CONFIG_DOC, FLAGS_SERVICE_DOC, FLAGS_VERSION, FLAGS_HELP };

#define FLAGS_OVERRIDES_MAX 64

struct flags_override {
	const struct option *option;
	const char *text;  /* borrowed from argv */
	const char *where; /* "--tcp-port", for messages */
};

struct flags {
	enum flags_mode mode;
	bool is_dev;
	const char *config_path; /* NULL: none */
	const char *script_path; /* of dev mode; NULL: none */
	const char *script_main; /* which file of it; NULL: whichever is usual */
	bool is_reload_running;  /* a changed script starts the session demo anew */
	struct flags_override overrides[FLAGS_OVERRIDES_MAX];
	size_t override_count;
};

/* False: reterr says what is wrong with the command line. argv must outlive ret_flags. */
bool ringcast_flags_parse(int argc, char **argv, struct flags *ret_flags, struct config_error *reterr);
/* All layers in order: defaults, --dev, file, environment, flags; then the checks across keys. */
bool ringcast_flags_load_config(const struct flags *flags, char *const *environment, struct config *ret_config,
				struct config_error *reterr);
void ringcast_flags_print_help(FILE *out);

#endif
