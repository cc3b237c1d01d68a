#include "control/secret_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { FILE_BYTES_MAX = 131072 }; /* the longest that its readers take, 512 lines of access keys, is 71 kB */

static bool refuse(struct config_error *reterr, const char *key, const char *path, const char *problem)
{
	snprintf(reterr->text, sizeof(reterr->text), "%.40s: %.280s: %.160s", key, path, problem);
	return false;
}

static const char *read_all(FILE *file, char *text)
{
	size_t size = fread(text, 1, FILE_BYTES_MAX, file);
	if (ferror(file))
		return strerror(errno);
	if (size == FILE_BYTES_MAX)
		return "longer than 128 KiB";
	return strlen(text) != size ? "holds a NUL; is this a text file?" : NULL;
}

bool ringcast_secret_file_read(const char *key, const struct config_text *path, struct secret_file *ret_file, struct config_error *reterr)
{
	ringcast_assert(key && path && ret_file && reterr);
	struct config_error error;
	*ret_file = (struct secret_file){0};
	if (!ringcast_config_path(path, ret_file->path, &error))
		return refuse(reterr, key, path->text, error.text);
	FILE *file = fopen(ret_file->path, "re");
	ret_file->text = file ? calloc(1, FILE_BYTES_MAX + 1) : NULL;
	const char *problem = file && ret_file->text ? read_all(file, ret_file->text) : strerror(errno);
	if (file)
		fclose(file);
	if (!problem)
		return true;
	refuse(reterr, key, ret_file->path, problem);
	ringcast_secret_file_forget(ret_file);
	return false;
}

size_t ringcast_secret_words(char *line, char *words[SECRET_WORDS + 1])
{
	char *rest = NULL;
	size_t count = 0;
	for (char *word = strtok_r(line, " \t\r", &rest); word && count <= SECRET_WORDS; word = strtok_r(NULL, " \t\r", &rest))
		words[count++] = word;
	return count > 0 && *words[0] == '#' ? 0 : count;
}

bool ringcast_secret_lines(const char *key, struct secret_file *file, const char *form, secret_line_fn *each, void *context, struct config_error *reterr)
{
	char *words[SECRET_WORDS + 1];
	const char *problem = NULL;
	unsigned number = 0;
	for (char *line = file->text, *next; line && !problem; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		size_t count = ringcast_secret_words(line, words);
		if (count > 0)
			problem = count == SECRET_WORDS ? each(context, words) : form;
	}
	if (problem)
		snprintf(reterr->text, sizeof(reterr->text), "%.40s: %.280s:%u: %s", key, file->path, number, problem);
	return problem == NULL;
}

void ringcast_secret_file_forget(struct secret_file *file)
{
	if (file->text)
		explicit_bzero(file->text, FILE_BYTES_MAX);
	free(file->text);
	file->text = NULL;
}
