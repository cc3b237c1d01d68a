/* What is counted of placements, in all and of each queue. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "service/operations/placement_read.h"
#include "service/operations/placing_private.h"

void ringcast_placing_note(struct model *model, const json_t *document, enum queue_cell cell)
{
	ringcast_tally_of(&model->placing->queues, text_of(document, "GameSessionQueueName"))->cells[cell]++;
}

/* The queue may be gone when the placement ends, or be another one of that name: what was counted of the old one has gone to the others. */
void ringcast_placing_note_waiting(struct model *model, struct placement *placement, const json_t *document)
{
	int64_t age_ms = model->now_ms - (int64_t)(json_number_value(json_object_get(document, "StartTime")) * 1000);
	struct tally *tally = ringcast_tally_of(&model->placing->queues, text_of(document, "GameSessionQueueName"));
	placement->began_ms = model->steady_ms - (age_ms > 0 ? age_ms : 0);
	snprintf(placement->queue, sizeof(placement->queue), "%.131s", text_of(document, "GameSessionQueueName"));
	placement->tally_number = tally->number;
	tally->cells[QUEUE_DEPTH]++;
	tally->cells[QUEUE_BEGAN_MS] += (uint64_t)placement->began_ms;
}

void ringcast_placing_note_gone(struct model *model, const struct placement *placement)
{
	struct tally *tally = ringcast_tally_of(&model->placing->queues, placement->queue);
	if (tally->number != placement->tally_number)
		tally = &model->placing->queues.others;
	tally->cells[QUEUE_DEPTH]--;
	tally->cells[QUEUE_BEGAN_MS] -= (uint64_t)placement->began_ms;
}

uint32_t ringcast_placing_depth(const struct model *model, const char *queue)
{
	const struct tally *tally = ringcast_tally_of(&model->placing->queues, queue);
	return tally != &model->placing->queues.others ? (uint32_t)tally->cells[QUEUE_DEPTH] : 0;
}

/* From the sum of the moments at which they began. */
static void put_average(const struct model *model, json_t *cells)
{
	json_int_t depth = json_integer_value(json_object_get(cells, "depth")), began_ms = json_integer_value(json_object_get(cells, "average_wait_time"));
	json_object_set_new(cells, "average_wait_time", json_integer(depth > 0 ? model->steady_ms - began_ms / depth : 0));
}

json_t *ringcast_placing_show_queues(struct model *model)
{
	static const char *const names[TALLY_CELLS_MAX] = {
#define QUEUE_CELL(NAME, name) [QUEUE_##NAME] = #name,
		QUEUE_CELLS(QUEUE_CELL)
#undef QUEUE_CELL
	};
	const char *queue;
	json_t *cells, *shown = ringcast_tallies_show(&model->placing->queues, names, model->settings.metric_names_max);
	json_object_foreach(shown, queue, cells)
		put_average(model, cells);
	return shown;
}

void ringcast_placing_count(const struct model *model, struct placing_counts *ret_counts)
{
	int64_t started_ms;
	*ret_counts = model->placing->counts;
	ret_counts->depth = (uint32_t)model->placing->by_id.count;
	if (ringcast_place_board_oldest_ms(model->placing->board, NULL, &started_ms))
		ret_counts->oldest_ms = model->steady_ms - started_ms;
}

static bool leads_to(const struct model *model, const json_t *queue, const char *fleet_id)
{
	size_t i;
	json_t *destination;
	const json_t *fleet;
	json_array_foreach(json_object_get(queue, "Destinations"), i, destination) {
		const char *id = ringcast_placement_fleet_of(model, text_of(destination, "DestinationArn"), &fleet);
		if (id != NULL && strcmp(id, fleet_id) == 0)
			return true;
	}
	return false;
}

void ringcast_placing_fleet_waits(const struct model *model, const char *fleet_id, uint32_t *ret_depth, int64_t *ret_oldest_ms)
{
	int64_t started_ms;
	*ret_depth = 0;
	*ret_oldest_ms = 0;
	const struct record *queue = ringcast_records_next(&model->records, RECORD_QUEUE, "");
	for (; queue != NULL; queue = ringcast_records_next(&model->records, RECORD_QUEUE, queue->id)) {
		if (!leads_to(model, queue->document, fleet_id))
			continue;
		*ret_depth += ringcast_place_board_depth(model->placing->board, queue->id);
		if (ringcast_place_board_oldest_ms(model->placing->board, queue->id, &started_ms) && model->steady_ms - started_ms > *ret_oldest_ms)
			*ret_oldest_ms = model->steady_ms - started_ms;
	}
}
