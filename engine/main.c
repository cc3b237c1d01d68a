/* ringcastd: the relay as a daemon. Everything it does stands in control/; this file only picks the mode. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "control/config.h"
#include "control/daemon.h"
#include "control/flags.h"
#include "control/preflight.h"
#include "control/report.h"
#include "control/service.h"

#define EXIT_USAGE 2

extern char **environ;

static int refuse(const struct config_error *error)
{
	fprintf(stderr, "ringcastd: %s\n", error->text);
	return EXIT_USAGE;
}

static int run(const struct flags *flags, const struct config *config)
{
	struct logs *logs =
		ringcast_logs_create(STDERR_FILENO, (enum logs_format)config->log_format, (ringcast_log_level)config->log_level);
	if (!logs) {
		fprintf(stderr, "ringcastd: out of memory\n");
		return 1;
	}
	int status = ringcast_daemon_run(flags, environ, config, logs);
	ringcast_logs_destroy(&logs);
	return status;
}

static void print_finding(void *context, ringcast_log_level level, const char *message, const char *fields)
{
	(void)context;
	fprintf(level == RINGCAST_LOG_ERROR ? stderr : stdout, "%s: %s %s\n", level == RINGCAST_LOG_ERROR ? "ringcastd" : "warning", message, fields);
}

/* All that a start looks at, but for the start itself. */
static int check(const struct flags *flags, const struct config *config)
{
	struct config_error error;
	if (!ringcast_preflight_files(config, flags->is_dev, &error))
		return refuse(&error);
	ringcast_report_memory_bill(config, stdout);
	bool is_good = ringcast_preflight_run(config, PREFLIGHT_CHECK, print_finding, NULL);
	return is_good && fflush(stdout) == 0 ? 0 : 1;
}

static void print_version(void)
{
	char tls[256];
	ringcast_tls_library(NULL, tls, sizeof(tls));
	printf("ringcastd %s\nencryption: %s\n", ringcast_version(), tls);
}

static int with_config(const struct flags *flags)
{
	struct config config;
	struct config_error error;
	if (!ringcast_flags_load_config(flags, environ, &config, &error))
		return refuse(&error);
	if (flags->mode == FLAGS_CHECK_CONFIG)
		return check(flags, &config);
	if (flags->mode == FLAGS_PRINT_CONFIG)
		ringcast_config_print(&config, stdout);
	else
		return run(flags, &config);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* Without these three the next file or socket would get their numbers, and log lines would go into it. */
static void keep_standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What the unit allows is for the daemon's own sockets. Ambient capabilities would go on to every game server, script and hook that it starts. */
static void keep_capabilities_here(void)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

int main(int argc, char **argv)
{
	keep_standard_descriptors();
	keep_capabilities_here();
	struct flags flags;
	struct config_error error;
	if (!ringcast_flags_parse(argc, argv, &flags, &error))
		return refuse(&error);
	switch (flags.mode) {
	case FLAGS_HELP:
		ringcast_flags_print_help(stdout);
		return 0;
	case FLAGS_VERSION:
		print_version();
		return 0;
	case FLAGS_CONFIG_DOC:
		ringcast_config_print_doc(stdout);
		return 0;
	case FLAGS_SERVICE_DOC:
		ringcast_control_service_print_doc(stdout);
		return 0;
	case FLAGS_RUN:
	case FLAGS_CHECK_CONFIG:
	case FLAGS_PRINT_CONFIG:
		break;
	}
	return with_config(&flags);
}
