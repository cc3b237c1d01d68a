/* Scripts as the API shows them. Their content is the host's: see hosts/host.h. */
#include "service/operations/handlers.h"
#include "service/operations/page.h"

static json_t *show(struct model *model, const struct request *request, const struct record *record)
{
	return json_incref(record->document);
}

void ringcast_operation_ListScripts(struct model *model, struct request *request)
{
	ringcast_page_records(model, request, RECORD_SCRIPT, "Scripts", show);
}

void ringcast_operation_DescribeScript(struct model *model, struct request *request)
{
	const char *id = ringcast_model_id_of(ringcast_request_text(request, "ScriptId"), "script");
	json_t *script = ringcast_records_find(&model->records, RECORD_SCRIPT, id);
	if (script == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no script %s", id);
	else
		ringcast_request_answer_with(request, "Script", json_incref(script));
}
