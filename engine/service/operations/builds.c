/*
 * Builds: game servers of a studio's own, as folders or archives on this machine, below service.builds. The host looks at them, and unpacks an archive
 * under the build's id; a record names the folder that came of it.
 */
#include <string.h>

#include "service/operations/change.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"

static const char folder_member[] = "Folder"; /* ours: not shown */
static const char *const members[] = {"Name", "Version", NULL};

static const char *id_of(const struct request *request)
{
	return ringcast_model_id_of(ringcast_request_text(request, "BuildId"), "build");
}

static json_t *shown(const json_t *build)
{
	json_t *copy = json_copy((json_t *)build);
	json_object_del(copy, folder_member);
	return copy;
}

static json_t *build_of(struct model *model, struct request *request)
{
	json_t *build = ringcast_records_find(&model->records, RECORD_BUILD, id_of(request));
	if (build == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no build %.200s", id_of(request));
	return build;
}

/* Plain names with slashes between, none of which begins with a dot: nothing that leads out of the folder of builds. */
static bool is_folder_right(const char *folder)
{
	if (strlen(folder) > 200)
		return false;
	for (const char *part = folder; part != NULL; part = strchr(part, '/') != NULL ? strchr(part, '/') + 1 : NULL)
		if (*part == '.' || *part == '/' || *part == '\0')
			return false;
	return true;
}

static const char *folder_of(struct model *model, struct request *request)
{
	const json_t *location = json_object_get(request->input, "StorageLocation");
	const char *folder = json_string_value(json_object_get(location, "Key"));
	if (!model->settings.has_builds)
		ringcast_request_refuse(request, FAULT_INVALID, "this server has no place for builds: set service.builds to a folder whose folders are builds");
	else if (folder == NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "StorageLocation.Key: is required: the name of a folder or an archive (zip, tar) below service.builds, "
					"which holds the game server; copy it there, as with rsync; Bucket may say anything");
	else if (!is_folder_right(folder))
		ringcast_request_refuse(request, FAULT_INVALID, "StorageLocation.Key: must be the name of a folder or an archive below service.builds, such as mygame/1.2 "
					"or mygame-1.2.tar.gz");
	return request->is_answered ? NULL : folder;
}

static json_t *build_new(struct model *model, struct request *request, const char *id, const char *arn)
{
	static const char *const members_at_first[] = {"Name", "Version", "OperatingSystem", "ServerSdkVersion", NULL};
	json_t *build = ringcast_change_merge(NULL, request, members_at_first);
	json_object_set_new(build, "BuildId", json_string(id));
	json_object_set_new(build, "BuildArn", json_string(arn));
	json_object_set_new(build, "Status", json_string("READY"));
	json_object_set_new(build, "CreationTime", ringcast_model_time(model->now_ms));
	return build;
}

static void found(struct model *model, struct host_call *call)
{
	struct request *request = call->request;
	const char *id = call->session;
	char arn[MODEL_ARN_BYTES];
	if (call->result != HOST_OK) {
		ringcast_request_refuse(request, call->result == HOST_NOT_FOUND ? FAULT_INVALID : FAULT_INTERNAL, "StorageLocation.Key: %s", call->text);
		return;
	}
	ringcast_model_arn(model, "build", id, arn);
	if (!ringcast_change_tags(model, request, arn))
		return;
	json_t *build = build_new(model, request, id, arn);
	json_object_set_new(build, folder_member, json_string(call->key));
	json_object_set_new(build, "SizeOnDisk", json_integer((json_int_t)call->size_bytes));
	json_t *location = json_object_get(request->input, "StorageLocation");
	ringcast_change_put(model, request, RECORD_BUILD, id, build, json_pack("{s:o, s:O}", "Build", shown(build), "StorageLocation", location));
}

void ringcast_operation_CreateBuild(struct model *model, struct request *request)
{
	const char *folder = folder_of(model, request);
	if (folder == NULL)
		return;
	struct host_call *call = ringcast_host_call_create(HOST_LOOK_AT_BUILD);
	if (call == NULL || (call->key = strdup(folder)) == NULL) {
		ringcast_host_call_destroy(&call);
		ringcast_request_refuse_memory(request);
		return;
	}
	ringcast_model_new_id(model, "build-", call->session); /* an archive is unpacked under it */
	call->host = MODEL_HOST_CUSTOM;
	call->request = request;
	call->answered = found;
	ringcast_list_add_tail(&model->calls, &call->node);
}

void ringcast_operation_UpdateBuild(struct model *model, struct request *request)
{
	json_t *build = build_of(model, request);
	if (build == NULL)
		return;
	build = ringcast_change_merge(build, request, members);
	ringcast_change_put(model, request, RECORD_BUILD, id_of(request), build, json_pack("{s:o}", "Build", shown(build)));
}

void ringcast_operation_DescribeBuild(struct model *model, struct request *request)
{
	const json_t *build = build_of(model, request);
	if (build != NULL)
		ringcast_request_answer_with(request, "Build", shown(build));
}

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	const char *status = ringcast_request_text(request, "Status");
	return *status == '\0' || strcmp(status, "READY") == 0 ? shown(record->document) : NULL;
}

void ringcast_operation_ListBuilds(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_BUILD, "Builds", show);
}

static const char *fleet_that_runs(const struct model *model, const char *build_id)
{
	const struct record *fleet = ringcast_records_next(&model->records, RECORD_FLEET, "");
	for (; fleet != NULL; fleet = ringcast_records_next(&model->records, RECORD_FLEET, fleet->id)) {
		const char *runs = json_string_value(json_object_get(fleet->document, "BuildId"));
		if (runs != NULL && strcmp(runs, build_id) == 0)
			return fleet->id;
	}
	return NULL;
}

/* The folder or archive stays: it is its owner's. What was unpacked goes, by the host. */
void ringcast_operation_DeleteBuild(struct model *model, struct request *request)
{
	if (build_of(model, request) == NULL)
		return;
	const char *fleet = fleet_that_runs(model, id_of(request));
	if (fleet != NULL)
		ringcast_request_refuse(request, FAULT_INVALID, "the fleet %s runs it; delete that first", fleet);
	else
		ringcast_change_remove(model, request, RECORD_BUILD, id_of(request));
}
