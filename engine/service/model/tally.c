#include "service/model/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ringcast_tallies_init(struct tallies *tallies, const struct records *records, enum record_kind kind)
{
	*tallies = (struct tallies){.records = records, .kind = kind};
	ringcast_list_init(&tallies->all);
}

static void add_cells(struct tally *to, const struct tally *from)
{
	for (size_t i = 0; i < TALLY_CELLS_MAX; i++)
		to->cells[i] += from->cells[i];
}

static void tally_free(struct tally *tally)
{
	ringcast_list_remove(&tally->node);
	free(tally);
}

void ringcast_tallies_fini(struct tallies *tallies)
{
	while (!ringcast_list_is_empty(&tallies->all))
		tally_free(CONTAINER_OF(tallies->all.next, struct tally, node));
}

static bool is_there(const struct tallies *tallies, const char *name)
{
	return ringcast_records_find(tallies->records, tallies->kind, name) != NULL;
}

/* Those whose records are gone. */
static void sweep(struct tallies *tallies)
{
	for (struct list_node *node = tallies->all.next; node != &tallies->all;) {
		struct tally *tally = CONTAINER_OF(node, struct tally, node);
		node = node->next;
		if (is_there(tallies, tally->name))
			continue;
		add_cells(&tallies->others, tally);
		tally_free(tally);
	}
}

static struct tally *find(const struct tallies *tallies, const char *name)
{
	for (struct list_node *node = tallies->all.next; node != &tallies->all; node = node->next)
		if (strcmp(CONTAINER_OF(node, struct tally, node)->name, name) == 0)
			return CONTAINER_OF(node, struct tally, node);
	return NULL;
}

struct tally *ringcast_tally_of(struct tallies *tallies, const char *name)
{
	struct tally *tally = find(tallies, name);
	if (tally != NULL || strlen(name) >= TALLY_NAME_BYTES || !is_there(tallies, name))
		return tally != NULL ? tally : &tallies->others;
	sweep(tallies);
	if ((tally = calloc(1, sizeof(*tally))) == NULL)
		return &tallies->others;
	snprintf(tally->name, sizeof(tally->name), "%s", name);
	tally->number = ++tallies->newest_number;
	ringcast_list_add_tail(&tallies->all, &tally->node);
	return tally;
}

uint64_t ringcast_tallies_sum(const struct tallies *tallies, unsigned cell)
{
	uint64_t sum = tallies->others.cells[cell];
	for (struct list_node *node = tallies->all.next; node != &tallies->all; node = node->next)
		sum += CONTAINER_OF(node, struct tally, node)->cells[cell];
	return sum;
}

static bool show(json_t *shown, const char *name, const struct tally *tally, const char *const names[TALLY_CELLS_MAX])
{
	json_t *cells = json_object();
	bool is_whole = cells != NULL;
	for (size_t i = 0; i < TALLY_CELLS_MAX && is_whole; i++)
		if (names[i] != NULL)
			is_whole = json_object_set_new(cells, names[i], json_integer((json_int_t)tally->cells[i])) == 0;
	return json_object_set_new(shown, name, cells) == 0 && is_whole;
}

json_t *ringcast_tallies_show(struct tallies *tallies, const char *const names[TALLY_CELLS_MAX], uint32_t names_max)
{
	sweep(tallies);
	struct tally others = tallies->others;
	uint32_t count = 0;
	json_t *shown = json_object();
	bool is_whole = shown != NULL;
	for (struct list_node *node = tallies->all.next; node != &tallies->all; node = node->next) {
		const struct tally *tally = CONTAINER_OF(node, struct tally, node);
		if (count++ < names_max)
			is_whole = is_whole && show(shown, tally->name, tally, names);
		else
			add_cells(&others, tally);
	}
	if (is_whole && show(shown, "(others)", &others, names))
		return shown;
	json_decref(shown);
	return NULL;
}
