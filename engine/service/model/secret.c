#include "service/model/model.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"

static const char record_id[] = "compute-tokens";

static bool read_secret(const json_t *record, struct compute_token_secret *ret_secret)
{
	const char *text = json_string_value(json_object_get(record, "Secret"));
	if (text == NULL || strlen(text) != 2 * sizeof(ret_secret->bytes))
		return false;
	for (size_t i = 0; i < sizeof(ret_secret->bytes); i++)
		if (sscanf(text + 2 * i, "%2hhx", &ret_secret->bytes[i]) != 1)
			return false;
	return true;
}

void ringcast_model_take_secret(struct model *model, const struct compute_token_secret *fresh)
{
	char text[2 * COMPUTE_TOKEN_SECRET_BYTES + 1];
	if (read_secret(ringcast_records_find(&model->records, RECORD_SECRET, record_id), &model->token_secret))
		return;
	model->token_secret = *fresh;
	ringcast_hex_write(ringcast_view_of(fresh->bytes, sizeof(fresh->bytes)), text);
	/* Where memory is short the secret is good for this run, and tokens of it for no longer. */
	json_t *record = json_pack("{s:s}", "Secret", text);
	if (record != NULL)
		ringcast_records_put(&model->records, RECORD_SECRET, record_id, record);
}
