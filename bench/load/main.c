/* ringcast-load: its options, or one of its commands. */
#include "bench/load/crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static volatile sig_atomic_t is_stopping;

static void on_signal(int number)
{
	is_stopping = 1;
}

static void raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static char *join_words(int argc, char **argv)
{
	size_t size = 1;
	for (int i = 0; i < argc; i++)
		size += strlen(argv[i]) + 1;
	char *line = calloc(1, size);
	for (int i = 0; line && i < argc; i++) {
		strcat(line, i ? " " : "");
		strcat(line, argv[i]);
	}
	return line;
}

/* What is done when the word behind the program's name is one of these. */
static const struct {
	const char *word;
	int (*main)(int argc, char **argv);
} commands[] = {
	{"compare", ringcast_compare_main},
};

static int run(int argc, char **argv, const struct load_options *options)
{
	char *command_line = join_words(argc, argv);
	int code = options->work_for ? ringcast_work_for(options, &is_stopping) : ringcast_drive(options, command_line ? command_line : "", &is_stopping);
	free(command_line);
	return code;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct load_options options;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].word) == 0)
			return commands[i].main(argc - 1, argv + 1);
	}
	ringcast_load_options_default(&options);
	if (!ringcast_load_options_parse(&options, argc, argv, stderr))
		return LOAD_EXIT_NOT_RUN;
	if (options.is_help) {
		ringcast_load_options_help(stdout);
		return LOAD_EXIT_KEPT;
	}
	if (options.work_for && options.cpu && !ringcast_load_pin(options.cpu, 0))
		return LOAD_EXIT_NOT_RUN;
	if (!ringcast_report_is_writable(&options))
		return LOAD_EXIT_NOT_RUN;
	raise_files();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return run(argc, argv, &options);
}
