/* openapi.yaml says what the route table says: the same paths, methods and query keys, no more and no fewer. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "control/http_routes.h"

static yaml_document_t document;

static void load(void)
{
	yaml_parser_t parser;
	FILE *file = fopen(OPENAPI_PATH, "r");
	cr_assert(file, "%s", OPENAPI_PATH);
	cr_assert(yaml_parser_initialize(&parser));
	yaml_parser_set_input_file(&parser, file);
	cr_assert(yaml_parser_load(&parser, &document), "line %zu: %s", parser.problem_mark.line + 1, parser.problem);
	yaml_parser_delete(&parser);
	fclose(file);
}

static void unload(void)
{
	yaml_document_delete(&document);
}

static const char *text_of(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static yaml_node_t *find(const yaml_node_t *mapping, const char *key)
{
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++)
		if (strcmp(text_of(yaml_document_get_node(&document, pair->key)), key) == 0)
			return yaml_document_get_node(&document, pair->value);
	return NULL;
}

static const yaml_node_t *paths(void)
{
	const yaml_node_t *node = find(yaml_document_get_root_node(&document), "paths");
	cr_assert(node && node->type == YAML_MAPPING_NODE);
	return node;
}

/* "a|b" of an operation's query parameters, in their order. */
static void query_of(const yaml_node_t *operation, char ret_query[128])
{
	const yaml_node_t *parameters = find(operation, "parameters");
	*ret_query = 0;
	if (!parameters)
		return;
	for (yaml_node_item_t *item = parameters->data.sequence.items.start; item < parameters->data.sequence.items.top; item++) {
		const yaml_node_t *parameter = yaml_document_get_node(&document, *item);
		if (strcmp(text_of(find(parameter, "in")), "query") != 0)
			continue;
		size_t used = strlen(ret_query);
		snprintf(ret_query + used, 128 - used, "%s%s", used ? "|" : "", text_of(find(parameter, "name")));
	}
}

TestSuite(openapi, .init = load, .fini = unload, .timeout = 30);

Test(openapi, describes_every_route)
{
	for (size_t i = 0; ringcast_http_routes_at(i); i++) {
		const struct http_route *route = ringcast_http_routes_at(i);
		char method[16] = "", query[128];
		for (size_t c = 0; route->method[c]; c++)
			method[c] = (char)tolower((unsigned char)route->method[c]);
		const yaml_node_t *operation = find(find(paths(), route->pattern), method);
		cr_assert(operation, "%s %s is not described", route->method, route->pattern);
		query_of(operation, query);
		cr_assert_str_eq(query, route->query ? route->query : "", "%s %s", route->method, route->pattern);
		cr_assert(*text_of(find(operation, "summary")) && *text_of(find(operation, "operationId")));
	}
}

static bool has_route(const char *pattern, const char *method)
{
	for (size_t i = 0; ringcast_http_routes_at(i); i++)
		if (strcmp(ringcast_http_routes_at(i)->pattern, pattern) == 0 &&
		    strcasecmp(ringcast_http_routes_at(i)->method, method) == 0)
			return true;
	return false;
}

Test(openapi, describes_nothing_else)
{
	size_t count = 0;
	for (yaml_node_pair_t *path = paths()->data.mapping.pairs.start; path < paths()->data.mapping.pairs.top; path++) {
		const char *pattern = text_of(yaml_document_get_node(&document, path->key));
		const yaml_node_t *operations = yaml_document_get_node(&document, path->value);
		for (yaml_node_pair_t *pair = operations->data.mapping.pairs.start; pair < operations->data.mapping.pairs.top; pair++) {
			const char *method = text_of(yaml_document_get_node(&document, pair->key));
			if (strcmp(method, "parameters") == 0)
				continue;
			cr_assert(has_route(pattern, method), "%s %s does not exist", method, pattern);
			count++;
		}
	}
	cr_assert_not_null(ringcast_http_routes_at(count - 1));
	cr_assert_null(ringcast_http_routes_at(count));
}
