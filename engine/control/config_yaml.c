/* The file: YAML (and so JSON), two levels deep, strict. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/config.h"

#define FILE_BYTES_MAX (1u << 20)

struct reader {
	struct config *config;
	const char *name;
	yaml_document_t *document;
	struct config_error *reterr;
	size_t seen_lines[OPTION_COUNT]; /* 1-based; 0: not seen */
};

PRINTF_LIKE(3, 4) static bool refuse(const struct reader *reader, size_t line, const char *format, ...)
{
	char text[400];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(reader->reterr->text, sizeof(reader->reterr->text), "%s:%zu: %s", reader->name, line, text);
	return false;
}

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* A key with nothing after it, which YAML reads as null. */
static bool is_null(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	return !*text_of(node) || strcmp(text_of(node), "~") == 0 || strcmp(text_of(node), "null") == 0;
}

static bool refuse_unknown(const struct reader *reader, const char *section, const yaml_node_t *key)
{
	char near[OPTION_PATH_BYTES];
	const char *nearest = ringcast_options_nearest(section, text_of(key), near);
	const char *dot = *section ? "." : "";
	if (!nearest && !*section)
		nearest = ringcast_options_nearest_section(text_of(key));
	if (nearest)
		return refuse(reader, line_of(key), "unknown key '%s%s%s', did you mean '%s'?", section, dot, text_of(key), nearest);
	return refuse(reader, line_of(key), "unknown key '%s%s%s'", section, dot, text_of(key));
}

static bool read_value(struct reader *reader, const struct option *option, const yaml_node_t *key, const yaml_node_t *value)
{
	size_t index = (size_t)(option - ringcast_options_at(0)), line = line_of(key);
	char path[OPTION_PATH_BYTES], where[256];
	ringcast_options_path(option, path);
	if (reader->seen_lines[index])
		return refuse(reader, line, "'%s' is set twice, first on line %zu", path, reader->seen_lines[index]);
	reader->seen_lines[index] = line;
	if (value->type != YAML_SCALAR_NODE)
		return refuse(reader, line, "'%s' takes one value, not a %s", path, value->type == YAML_SEQUENCE_NODE ? "list" : "section");
	if (is_null(value))
		return refuse(reader, line, "'%s' has no value; give one or remove the line", path);
	if (strlen(text_of(value)) != value->data.scalar.length)
		return refuse(reader, line, "'%s' holds a NUL byte", path);
	snprintf(where, sizeof(where), "%s:%zu", reader->name, line_of(value));
	reader->config->lines[index] = (uint32_t)line;
	return ringcast_config_set(reader->config, option, text_of(value), CONFIG_FILE, where, reader->reterr);
}

static bool read_mapping(struct reader *reader, const char *section, const yaml_node_t *mapping);

static bool read_section(struct reader *reader, const char *section, const yaml_node_t *key, const yaml_node_t *value)
{
	if (is_null(value))
		return true;
	if (value->type != YAML_MAPPING_NODE)
		return refuse(reader, line_of(key), "'%s' is a section; its keys go on the following lines, indented", section);
	return read_mapping(reader, section, value);
}

static bool read_pair(struct reader *reader, const char *section, const yaml_node_t *key, const yaml_node_t *value)
{
	if (key->type != YAML_SCALAR_NODE)
		return refuse(reader, line_of(key), "a key must be a plain name");
	const struct option *option = ringcast_options_find(section, text_of(key));
	if (option)
		return read_value(reader, option, key, value);
	if (!*section && ringcast_options_has_section(text_of(key)))
		return read_section(reader, text_of(key), key, value);
	return refuse_unknown(reader, section, key);
}

static bool is_repeated(const struct reader *reader, const yaml_node_t *mapping, const yaml_node_pair_t *pair, size_t *ret_first_line)
{
	const yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
	for (const yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair; other++) {
		const yaml_node_t *earlier = yaml_document_get_node(reader->document, other->key);
		if (key->type == YAML_SCALAR_NODE && earlier->type == YAML_SCALAR_NODE && strcmp(text_of(key), text_of(earlier)) == 0) {
			*ret_first_line = line_of(earlier);
			return true;
		}
	}
	return false;
}

static bool read_mapping(struct reader *reader, const char *section, const yaml_node_t *mapping)
{
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
		const yaml_node_t *value = yaml_document_get_node(reader->document, pair->value);
		size_t first_line;
		if (!*section && is_repeated(reader, mapping, pair, &first_line) && ringcast_options_has_section(text_of(key)))
			return refuse(reader, line_of(key), "section '%s' appears twice, first on line %zu", text_of(key), first_line);
		if (!read_pair(reader, section, key, value))
			return false;
	}
	return true;
}

static bool read_document(struct reader *reader)
{
	const yaml_node_t *root = yaml_document_get_root_node(reader->document);
	if (!root || is_null(root))
		return true; /* an empty file, or only comments */
	if (root->type != YAML_MAPPING_NODE)
		return refuse(reader, line_of(root), "expected 'section:' or 'key: value' lines");
	return read_mapping(reader, "", root);
}

static bool refuse_syntax(const struct reader *reader, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "unreadable";
	if (parser->error == YAML_READER_ERROR)
		return refuse(reader, parser->mark.line + 1, "not UTF-8 text: %s", problem);
	return refuse(reader, parser->problem_mark.line + 1, "not YAML: %s", problem);
}

/* A second document would silently be ignored by some readers and win in others; here it is an error. */
static bool read_end(struct reader *reader, yaml_parser_t *parser)
{
	yaml_document_t next;
	if (!yaml_parser_load(parser, &next))
		return refuse_syntax(reader, parser);
	const yaml_node_t *root = yaml_document_get_root_node(&next);
	bool is_last = !root || refuse(reader, line_of(root), "only one YAML document is allowed");
	yaml_document_delete(&next);
	return is_last;
}

bool ringcast_config_load_text(struct config *config, const char *name, const char *text, size_t size, struct config_error *reterr)
{
	ringcast_assert(config && name && reterr);
	ringcast_assert(text || size == 0);
	yaml_document_t document;
	yaml_parser_t parser;
	struct reader reader = {.config = config, .name = name, .document = &document, .reterr = reterr};
	if (!yaml_parser_initialize(&parser))
		return refuse(&reader, 1, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	bool is_read;
	if (!yaml_parser_load(&parser, &document)) {
		is_read = refuse_syntax(&reader, &parser);
	} else {
		bool is_empty = !yaml_document_get_root_node(&document);
		is_read = read_document(&reader) && (is_empty || read_end(&reader, &parser));
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return is_read;
}

/* The whole file, or NULL with reterr set. The caller frees. */
static char *slurp(const char *path, size_t *ret_size, struct config_error *reterr)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(FILE_BYTES_MAX + 1) : NULL;
	if (!file || !text) {
		snprintf(reterr->text, sizeof(reterr->text), "%s: cannot open: %s", path, strerror(errno));
		if (file)
			fclose(file);
		return NULL;
	}
	size_t size = fread(text, 1, FILE_BYTES_MAX + 1, file);
	const char *problem = ferror(file) ? strerror(errno) : size > FILE_BYTES_MAX ? "larger than 1 MiB" : NULL;
	fclose(file);
	if (problem) {
		snprintf(reterr->text, sizeof(reterr->text), "%s: cannot read: %s", path, problem);
		free(text);
		return NULL;
	}
	*ret_size = size;
	return text;
}

bool ringcast_config_load_file(struct config *config, const char *path, struct config_error *reterr)
{
	ringcast_assert(config && path && reterr);
	size_t size;
	char *text = slurp(path, &size, reterr);
	if (!text)
		return false;
	bool is_loaded = ringcast_config_load_text(config, path, text, size, reterr);
	free(text);
	return is_loaded;
}
