/* ringcast script new: a script that runs and its test, to begin with. The files are those of tools/ringcast/new. */
#include "tools/ringcast/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NEW_PATH_BYTES = 4096 };

static const struct {
	const char *name, *text; /* name: the language, a slash, the file; without a language it is for all */
} files[] = {
#define EMBEDDED(name, text) {name, text},
#include <new_files.inc> /* made of tools/ringcast/new */
#undef EMBEDDED
};
enum { FILE_COUNT = sizeof(files) / sizeof(files[0]) };

/* Where a file of this language goes within the folder, or NULL: it is another language's. */
static const char *inner_name(const char *name, const char *language)
{
	size_t size = strlen(language);
	if (strncmp(name, "all/", 4) == 0)
		return name + 4;
	return strncmp(name, language, size) == 0 && name[size] == '/' ? name + size + 1 : NULL;
}

static bool is_language(const char *language)
{
	for (size_t i = 0; i < FILE_COUNT; i++)
		if (strcmp(language, "all") != 0 && inner_name(files[i].name, language) && strncmp(files[i].name, "all/", 4) != 0)
			return true;
	return false;
}

static enum cli_exit make_folder(const struct cli_invocation *invocation, const char *path)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return CLI_OK;
	ringcast_cli_error(invocation, "%s: %s", path, strerror(errno));
	return CLI_FAILURE;
}

/* Never over one that is there: it is somebody's work. */
static enum cli_exit write_new(const struct cli_invocation *invocation, const char *path, const char *text)
{
	FILE *file = fopen(path, "wxe");
	bool is_good = file && fputs(text, file) >= 0;
	if (file && fclose(file) != 0)
		is_good = false;
	if (is_good) {
		printf("%s\n", path);
		return CLI_OK;
	}
	ringcast_cli_error(invocation, "%s: %s", path, strerror(errno));
	return CLI_FAILURE;
}

static enum cli_exit path_of(const struct cli_invocation *invocation, const char *inner, char path[NEW_PATH_BYTES])
{
	if ((size_t)snprintf(path, NEW_PATH_BYTES, "%s/%s", invocation->arguments[1], inner) < NEW_PATH_BYTES)
		return CLI_OK;
	ringcast_cli_error(invocation, "the name is too long");
	return CLI_USAGE;
}

/* Before anything is written. */
static enum cli_exit check_free(const struct cli_invocation *invocation)
{
	char path[NEW_PATH_BYTES];
	for (size_t i = 0; i < FILE_COUNT; i++) {
		const char *inner = inner_name(files[i].name, invocation->arguments[0]);
		enum cli_exit code = inner ? path_of(invocation, inner, path) : CLI_OK;
		if (code != CLI_OK)
			return code;
		if (inner && access(path, F_OK) == 0) {
			ringcast_cli_error(invocation, "%s is there already", path);
			return CLI_FAILURE;
		}
	}
	return CLI_OK;
}

static enum cli_exit write_one(const struct cli_invocation *invocation, const char *inner, const char *text)
{
	char path[NEW_PATH_BYTES];
	enum cli_exit code = path_of(invocation, inner, path);
	char *slash = strrchr(path, '/');
	if (code != CLI_OK)
		return code;
	*slash = '\0';
	code = make_folder(invocation, path);
	*slash = '/';
	return code == CLI_OK ? write_new(invocation, path, text) : code;
}

enum cli_exit ringcast_command_script_new(const struct cli_invocation *invocation)
{
	const char *language = invocation->arguments[0], *folder = invocation->arguments[1];
	if (!is_language(language)) {
		ringcast_cli_error(invocation, "'%s' is none of the languages: lua, js", language);
		return CLI_USAGE;
	}
	enum cli_exit code = check_free(invocation);
	if (code == CLI_OK)
		code = make_folder(invocation, folder);
	for (size_t i = 0; code == CLI_OK && i < FILE_COUNT; i++) {
		const char *inner = inner_name(files[i].name, language);
		if (inner)
			code = write_one(invocation, inner, files[i].text);
	}
	if (code == CLI_OK)
		printf("test it: ringcast script test %s\ntry it:  ringcastd --dev --script %s\n", folder, folder);
	return code;
}
