/*
 * Scripts. Their content is kept for the hosts (hosts/host.h), which try out what is pushed before it is taken; the record says which version of it
 * new sessions run, so that an update is in force exactly when it is durable.
 */
#include "service/operations/scripts.h"

#include <stdio.h>
#include <string.h>

#include "service/model/fleet_event.h"
#include "service/operations/change.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"

static const char version_member[] = "ContentVersion"; /* ours: not shown */

static const char *id_of(const struct request *request)
{
	return ringcast_model_id_of(ringcast_request_text(request, "ScriptId"), "script");
}

static json_t *shown(const json_t *document)
{
	json_t *copy = json_copy((json_t *)document);
	json_object_del(copy, version_member);
	return copy;
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	return shown(record->document);
}

void ringcast_operation_ListScripts(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_SCRIPT, "Scripts", show);
}

/* NULL: refused. */
static json_t *find(struct model *model, struct request *request, const char *id)
{
	json_t *script = ringcast_records_find(&model->records, RECORD_SCRIPT, id);
	if (script == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no script %.200s", id);
	return script;
}

void ringcast_operation_DescribeScript(struct model *model, struct request *request)
{
	json_t *script = find(model, request, id_of(request));
	if (script != NULL)
		ringcast_request_answer_with(request, "Script", shown(script));
}

/* What hosts say about content */

static void refuse_content(struct request *request, const struct host_call *call)
{
	switch (call->result) {
	case HOST_SCRIPT:
	case HOST_STATE:
		ringcast_request_refuse(request, FAULT_INVALID, "%s", call->text);
		break;
	default:
		ringcast_request_refuse(request, FAULT_INTERNAL, "%s", *call->text != '\0' ? call->text : "the host did not answer; nothing has changed");
		break;
	}
}

static bool is_source_right(struct request *request, bool is_needed)
{
	if (ringcast_request_has(request, "StorageLocation"))
		ringcast_request_refuse(request, FAULT_INVALID, "StorageLocation: this server fetches nothing from S3; send the package itself as ZipFile");
	else if (is_needed && !ringcast_request_has(request, "ZipFile"))
		ringcast_request_refuse(request, FAULT_INVALID, "ZipFile: is required");
	return !request->is_answered;
}

static void push(struct model *model, struct request *request, const char *id, void (*answered)(struct model *, struct host_call *))
{
	struct host_call *call = ringcast_request_call_script(model, request, HOST_SCRIPT_PUSH, id, answered);
	if (call == NULL)
		return;
	call->zip = strdup(ringcast_request_text(request, "ZipFile"));
	if (call->zip == NULL)
		ringcast_request_call_drop(request, call);
}

static bool put_content(json_t *script, const struct host_call *call)
{
	return json_object_set_new(script, version_member, json_string(call->version)) == 0 &&
	       json_object_set_new(script, "SizeOnDisk", json_integer((json_int_t)call->zip_bytes)) == 0;
}

/* Takes the script. */
static void put(struct model *model, struct request *request, const char *id, json_t *script)
{
	json_t *answer = script != NULL ? json_pack("{s:o}", "Script", shown(script)) : NULL;
	ringcast_change_put(model, request, RECORD_SCRIPT, id, script, answer);
}

/* Nobody waits for it: what is left of a script that is not there. */
static void content_removed(struct model *model, struct host_call *call)
{
}

/* CreateScript */

static json_t *script_new(struct model *model, struct request *request, const struct host_call *call)
{
	static const char *const members[] = {"Name", "Version", "NodeJsVersion", NULL};
	char arn[MODEL_ARN_BYTES];
	json_t *script = ringcast_change_merge(NULL, request, members);
	ringcast_model_arn(model, "script", call->key, arn);
	if (json_object_set_new(script, "ScriptId", json_string(call->key)) == 0 && json_object_set_new(script, "ScriptArn", json_string(arn)) == 0 &&
	    json_object_set_new(script, "CreationTime", ringcast_model_time(model->now_ms)) == 0 && put_content(script, call))
		return script;
	json_decref(script);
	return NULL;
}

static void created(struct model *model, struct host_call *call)
{
	struct request *request = call->request;
	char arn[MODEL_ARN_BYTES];
	if (call->result != HOST_OK) {
		refuse_content(request, call);
		return;
	}
	ringcast_model_arn(model, "script", call->key, arn);
	if (ringcast_change_tags(model, request, arn))
		put(model, request, call->key, script_new(model, request, call));
}

void ringcast_operation_CreateScript(struct model *model, struct request *request)
{
	char id[MODEL_ID_BYTES];
	if (!is_source_right(request, true))
		return;
	ringcast_model_new_id(model, "script-", id);
	push(model, request, id, created);
}

/* UpdateScript */

static json_t *merge(const struct request *request, const json_t *script)
{
	static const char *const members[] = {"Name", "Version", NULL};
	return ringcast_change_merge(script, request, members);
}

static void updated(struct model *model, struct host_call *call)
{
	struct request *request = call->request;
	json_t *script = ringcast_records_find(&model->records, RECORD_SCRIPT, call->key);
	if (script == NULL) {
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "the script %s was deleted meanwhile", call->key);
		ringcast_request_call_script(model, NULL, HOST_SCRIPT_REMOVE, call->key, content_removed);
		return;
	}
	if (call->result != HOST_OK) {
		if (call->result == HOST_SCRIPT)
			ringcast_fleet_event_note_script(model, call->key, "FLEET_VALIDATION_EXECUTABLE_RUNTIME_FAILURE", call->text);
		refuse_content(request, call);
		return;
	}
	json_t *merged = merge(request, script);
	if (merged != NULL && !put_content(merged, call)) {
		json_decref(merged);
		merged = NULL;
	}
	ringcast_fleet_event_note_script(model, call->key, "GENERIC_EVENT", "the script was updated; sessions that begin now run its new version");
	put(model, request, call->key, merged);
}

void ringcast_operation_UpdateScript(struct model *model, struct request *request)
{
	const char *id = id_of(request);
	json_t *script = find(model, request, id);
	if (script == NULL || !is_source_right(request, false))
		return;
	if (ringcast_request_has(request, "ZipFile"))
		push(model, request, id, updated);
	else
		put(model, request, id, merge(request, script));
}

/* DeleteScript */

static const char *fleet_that_runs(const struct model *model, const char *script_id)
{
	const struct record *fleet = ringcast_records_next(&model->records, RECORD_FLEET, "");
	for (; fleet != NULL; fleet = ringcast_records_next(&model->records, RECORD_FLEET, fleet->id)) {
		const char *runs = json_string_value(json_object_get(fleet->document, "ScriptId"));
		if (runs != NULL && strcmp(runs, script_id) == 0)
			return fleet->id;
	}
	return NULL;
}

static void deleted(struct model *model, struct host_call *call)
{
	struct request *request = call->request;
	const char *fleet = fleet_that_runs(model, call->key);
	if (call->result != HOST_OK && call->result != HOST_NOT_FOUND)
		refuse_content(request, call);
	else if (fleet != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "the fleet %s was made with it meanwhile; UpdateScript gives it its content again", fleet);
	else if (find(model, request, call->key) != NULL)
		ringcast_change_remove(model, request, RECORD_SCRIPT, call->key);
}

void ringcast_operation_DeleteScript(struct model *model, struct request *request)
{
	const char *id = id_of(request);
	if (find(model, request, id) == NULL)
		return;
	const char *fleet = fleet_that_runs(model, id);
	if (fleet != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "the fleet %s runs it; delete that first", fleet);
	else
		ringcast_request_call_script(model, request, HOST_SCRIPT_REMOVE, id, deleted);
}

/* For sessions, and after a start */

bool ringcast_script_of_fleet(const struct model *model, struct request *request, const json_t *fleet, char ret_script[SCRIPT_REFERENCE_BYTES])
{
	const char *id = json_string_value(json_object_get(fleet, "ScriptId"));
	*ret_script = '\0';
	if (fleet == NULL && model->settings.script != NULL)
		snprintf(ret_script, SCRIPT_REFERENCE_BYTES, "%s", model->settings.script);
	if (id == NULL)
		return true;
	const json_t *script = ringcast_records_find(&model->records, RECORD_SCRIPT, id);
	const char *version = json_string_value(json_object_get(script, version_member));
	if (version != NULL)
		snprintf(ret_script, SCRIPT_REFERENCE_BYTES, "%s@%s", id, version);
	else if (request != NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "the fleet's script %s is not there any more", id);
	return version != NULL;
}

static void selected(struct model *model, struct host_call *call)
{
	if (call->result != HOST_OK)
		ringcast_fleet_event_note_script(model, call->key, "FLEET_BINARY_DOWNLOAD_FAILED", call->text);
}

void ringcast_scripts_select(struct model *model)
{
	const struct record *script = ringcast_records_next(&model->records, RECORD_SCRIPT, "");
	for (; script != NULL; script = ringcast_records_next(&model->records, RECORD_SCRIPT, script->id)) {
		const char *version = json_string_value(json_object_get(script->document, version_member));
		struct host_call *call = version == NULL ? NULL : ringcast_request_call_script(model, NULL, HOST_SCRIPT_SELECT, script->id, selected);
		if (call != NULL)
			snprintf(call->version, sizeof(call->version), "%s", version);
	}
}
