/* The admin API over a real loopback connection, against the fake engine: one server, and what tests ask of it. */
#ifndef RINGCAST_TESTS_CONTROL_HTTP_WORLD_H
#define RINGCAST_TESTS_CONTROL_HTTP_WORLD_H

#include <jansson.h>
#include <stdio.h>

#include "control/http_server.h"
#include "control/logs.h"

#define HOST "Host: localhost\r\n"

struct http_world {
	ringcast_engine *engine;
	struct http *http;
	struct logs *logs;
	struct audit *audit;
	FILE *log;
	struct config config;
	char endpoint[VALUE_TEXT_BYTES];
	unsigned drain_count, exit_count;
	_Atomic uint64_t service_stall_ns;
};

struct answer {
	unsigned status;
	char head[2048];
	char *body;
	json_t *json; /* NULL when the body is none */
};

extern struct http_world http_world;

/* With http_world.config as it is then. */
void http_world_start(const char *address);
void http_world_start_as(const char *address, enum http_kind kind, const struct tokens *tokens);
struct http *http_world_serve(const char *address, enum http_kind kind, const struct tokens *tokens, struct config_error *reterr);
void http_world_stop(void);

struct answer http_ask_raw(const char *request, size_t size);
/* headers: further lines, each with its end; body NULL: none, else sent as JSON. */
struct answer http_ask_with(const char *method, const char *path, const char *headers, const char *body);
struct answer http_ask(const char *method, const char *path, const char *body);
void http_done(struct answer *answer);
const char *http_text_of(const struct answer *answer, const char *key);
json_int_t http_number_of(const struct answer *answer, const char *key);
/* A problem is RFC 9457: its type, its status again, our code and a detail. Takes the answer. */
void http_expect_problem(struct answer answer, unsigned status, const char *code, const char *detail_part);
void http_create_session(const char *body, char ret_id[RINGCAST_ID_BYTES]);

#endif
