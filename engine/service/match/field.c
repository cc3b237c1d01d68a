/* Fields of a rule set's document: each checked for its kind and bounds, each refusal with its place. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "service/match/rule_set_read.h"

const char *ringcast_field_path(char path[DOCUMENT_PATH_BYTES], const char *of, const char *key)
{
	snprintf(path, DOCUMENT_PATH_BYTES, "%s%s%s", of, *of == '\0' ? "" : ".", key);
	return path;
}

static bool has_word(const char *words, const char *word)
{
	size_t size = strlen(word);
	for (const char *at = words; size > 0 && (at = strstr(at, word)) != NULL; at += size)
		if ((at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
			return true;
	return false;
}

bool ringcast_field_check_names(struct rule_set_reader *reader, const json_t *object, const char *of, const char *names)
{
	char path[DOCUMENT_PATH_BYTES];
	const char *key;
	json_t *value;
	if (!json_is_object(object))
		return ringcast_document_refuse(&reader->document, of, "this must be an object: { ... }");
	json_object_foreach((json_t *)object, key, value)
		if (!has_word(names, key))
			return ringcast_document_refuse(&reader->document, ringcast_field_path(path, of, key), "there is no such property here; there are: %s",
							names);
	return true;
}

bool ringcast_field_array(struct rule_set_reader *reader, const json_t *object, const char *key, size_t count_max, bool is_required, size_t *ret_count)
{
	const json_t *array = json_object_get(object, key);
	*ret_count = json_array_size(array);
	if (array == NULL && !is_required)
		return true;
	if (!json_is_array(array))
		return ringcast_document_refuse(&reader->document, array == NULL ? "" : key, "%s must be an array: [ ... ]", key);
	if (*ret_count > count_max || (is_required && *ret_count == 0))
		return ringcast_document_refuse(&reader->document, key, "%zu members; %d to %zu are allowed", *ret_count, is_required, count_max);
	return true;
}

bool ringcast_field_name(struct rule_set_reader *reader, const json_t *object, const char *of, const char *key, char ret_name[MATCH_NAME_BYTES])
{
	char path[DOCUMENT_PATH_BYTES];
	const json_t *value = json_object_get(object, key);
	if (value == NULL)
		return ringcast_document_refuse(&reader->document, of, "%s is missing", key);
	size_t size = json_string_length(value);
	if (!json_is_string(value) || size == 0 || size >= MATCH_NAME_BYTES || strcspn(json_string_value(value), "[](),*") != size)
		return ringcast_document_refuse(&reader->document, ringcast_field_path(path, of, key),
						"this must be a text of 1 to %d characters without []()*,", MATCH_NAME_BYTES - 1);
	memcpy(ret_name, json_string_value(value), size + 1);
	return true;
}

static const json_t *value_at(const json_t *object, const char *path)
{
	const char *dot = strrchr(path, '.');
	return json_object_get(object, dot == NULL ? path : dot + 1);
}

bool ringcast_field_choice(struct rule_set_reader *reader, const json_t *object, const char *path, const struct field_choice *choices, int *ret_value)
{
	char names[DOCUMENT_PATH_BYTES] = "";
	size_t used = 0;
	const json_t *value = value_at(object, path);
	if (value == NULL)
		return true;
	for (size_t i = 0; choices[i].name != NULL; i++) {
		if (json_is_string(value) && strcmp(choices[i].name, json_string_value(value)) == 0) {
			*ret_value = choices[i].value;
			return true;
		}
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i == 0 ? "" : ", ", choices[i].name);
	}
	return ringcast_document_refuse(&reader->document, path, "'%.40s' is not known here; it is one of: %s",
					json_is_string(value) ? json_string_value(value) : "(no text)", names);
}

bool ringcast_field_is_number(const json_t *value, double *ret_number)
{
	const char *text = json_string_value(value);
	if (json_is_number(value)) {
		*ret_number = json_number_value(value);
		return isfinite(*ret_number);
	}
	if (text == NULL || *text == '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
		return false;
	char *end;
	double number = strtod(text, &end);
	if (*end != '\0' || end == text || !isfinite(number))
		return false;
	*ret_number = number;
	return true;
}

bool ringcast_field_number(struct rule_set_reader *reader, const json_t *object, const char *of, const char *key, double *ret_number)
{
	char path[DOCUMENT_PATH_BYTES];
	const json_t *value = json_object_get(object, key);
	return value == NULL || ringcast_field_is_number(value, ret_number) ||
	       ringcast_document_refuse(&reader->document, ringcast_field_path(path, of, key), "this must be a number");
}

bool ringcast_field_whole(struct rule_set_reader *reader, const json_t *object, const char *path, int64_t min, int64_t max, int64_t *ret_whole)
{
	const json_t *value = value_at(object, path);
	double number;
	if (value == NULL)
		return true;
	if (!ringcast_field_is_number(value, &number) || number != floor(number) || number < (double)min || number > (double)max)
		return ringcast_document_refuse(&reader->document, path, "this must be a whole number from %lld to %lld", (long long)min, (long long)max);
	*ret_whole = (int64_t)number;
	return true;
}
