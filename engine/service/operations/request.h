/*
 * One request of the API, from its checked input to its answer, and the table of operations.
 *
 * A request is answered exactly once: by its operation at once, or later, when a host has answered the call that it was parked for. What it
 * has changed in the records, and what it has read of them, is durable before anybody hears of it, be it an answer or a refusal: the loop holds it until
 * the store says so. Operations need not know.
 */
#ifndef RINGCAST_SERVICE_OPERATIONS_REQUEST_H
#define RINGCAST_SERVICE_OPERATIONS_REQUEST_H

#include "base/attr.h"
#include "service/api/fault.h"
#include "service/api/shape.h"
#include "service/model/model.h"

enum role { ROLE_READER, ROLE_BACKEND, ROLE_OPERATOR, ROLE_COUNT }; /* each may do what the ones before it may */

enum { REQUEST_MESSAGE_BYTES = 384, REQUEST_CALLER_BYTES = 65, REQUEST_INVOCATION_BYTES = 65 };

struct operation;
struct host_call;
struct request {
	struct list_node node; /* the loop's */
	const struct operation *operation;
	json_t *input; /* owned; checked against the operation's shape */
	enum role role;
	char caller[REQUEST_CALLER_BYTES];	   /* the access key's id; "" in dev mode */
	char invocation[REQUEST_INVOCATION_BYTES]; /* the SDK's name for this call, the same when it tries again; "" for none */
	uint64_t body_hash;
	/* the answer: an output, owned, or a fault and its message */
	json_t *output;
	enum fault fault;
	char message[REQUEST_MESSAGE_BYTES];
	bool is_answered;
	bool is_game_question; /* it takes of the share of the room that games have */
	uint64_t rests_on; /* the number of the newest change of the records, not settled when it was read, that the answer may tell of; 0: none */
	/* while it is parked */
	struct host_call *call;	      /* what for */
	struct request *next_waiting; /* for the same call */
	int64_t deadline_ms;	      /* of running_ms */
	uint64_t durable_at; /* the number of the store's batch that must be done before the answer may go out; 0: none */
	void (*done)(struct request *request); /* on the loop's thread, once; the request is the caller's again */
	void *context;
};

typedef void operation_fn(struct model *model, struct request *request);

struct operation {
	const char *name;
	operation_fn *run; /* NULL: not supported; instead says what to do */
	enum role role;	   /* the least that may ask */
	enum shape_id input, output; /* output: SHAPE_ID_NONE gives an empty object */
	const char *text; /* what it does here, or what to use instead */
	bool is_glance; /* for who watches, which binds nobody: it tells of what is, stored or not, also while the store hangs */
};

/* NULL: there is none of that name. */
const struct operation *ringcast_operation_find(const char *name);
const struct operation *ringcast_operation_at(size_t index); /* in alphabetical order; NULL: past the end */

/* Checks role and input, and runs it. */
void ringcast_request_run(struct model *model, struct request *request);

/* Answering. output is taken; NULL means that memory was short. */
void ringcast_request_answer(struct request *request, json_t *output);
void ringcast_request_refuse(struct request *request, enum fault fault, const char *format, ...) PRINTF_LIKE(3, 4);
void ringcast_request_refuse_memory(struct request *request);
/* Answers with {name: value}; value is taken. */
void ringcast_request_answer_with(struct request *request, const char *name, json_t *value);

/* Members of the input. "" where it is absent. */
const char *ringcast_request_text(const struct request *request, const char *name);
bool ringcast_request_has(const struct request *request, const char *name);
int64_t ringcast_request_number(const struct request *request, const char *name, int64_t otherwise);

/*
 * The interface counts characters, hosts count bytes. place: of the input, as it is named to the caller; data may be NULL. False: refused.
 */
bool ringcast_request_player_fits(struct request *request, const char *place, const char *id, const char *data);

/* Parks the request for a call: to be submitted by the loop. answered goes on with both. False: refused, out of memory. */
struct host_call *ringcast_request_call(struct model *model, struct request *request, enum host_call_kind kind,
					const struct game_session *session, void (*answered)(struct model *, struct host_call *));
/* The same about a script of this id. request NULL: nobody waits for it. */
struct host_call *ringcast_request_call_script(struct model *model, struct request *request, enum host_call_kind kind, const char *script_id,
					       void (*answered)(struct model *, struct host_call *));
/* Parks the request for a call that is under way for another one; answered goes on with all of them. */
void ringcast_request_join(struct request *request, struct host_call *call);
/* Memory was short for something of it: the call goes, and the request is refused. */
void ringcast_request_call_drop(struct request *request, struct host_call *call);

#endif
