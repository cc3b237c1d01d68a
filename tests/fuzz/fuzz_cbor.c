/* CBOR bodies: what is taken is a tree whose JSON can be written; encoded by its shape where it fits one, it comes back equal. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "service/api/cbor.h"

static void check_round_trip(enum shape_id id, const json_t *value)
{
	char problem[SHAPE_PROBLEM_BYTES];
	size_t size;
	if (!ringcast_shape_check(id, value, problem))
		return;
	uint8_t *bytes = ringcast_cbor_encode(id, value, &size);
	ringcast_assert(bytes != NULL);
	json_t *again = ringcast_cbor_decode(bytes, size, problem);
	ringcast_assert(again != NULL && ringcast_shape_check(id, again, problem));
	json_decref(again);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[SHAPE_PROBLEM_BYTES] = "";
	json_t *value = ringcast_cbor_decode(data, size, problem);
	ringcast_assert((value == NULL) == (*problem != '\0') && memchr(problem, '\0', sizeof(problem)) != NULL);
	if (value == NULL)
		return 0;
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	ringcast_assert(text != NULL);
	free(text);
	check_round_trip(SHAPE_ID_CreateGameSessionInput, value);
	check_round_trip(SHAPE_ID_StartMatchmakingInput, value);
	check_round_trip(SHAPE_ID_CreateScriptInput, value);
	json_decref(value);
	return 0;
}
