/* Documents: order, undo and what a failing store leaves; fleets, aliases, locations and tags on top of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

static json_t *number(int n)
{
	return json_pack("{s:i}", "n", n);
}

static int value_of(const struct records *records, const char *id)
{
	json_t *document = ringcast_records_find(records, RECORD_FLEET, id);
	return document != NULL ? (int)json_integer_value(json_object_get(document, "n")) : -1;
}

Test(records, undo_takes_back_in_reverse_order)
{
	struct records records;
	ringcast_records_init(&records);
	cr_assert(ringcast_records_put(&records, RECORD_FLEET, "b", number(1)));
	ringcast_records_settle(&records, 1);
	cr_assert(ringcast_records_put(&records, RECORD_FLEET, "a", number(2)));
	cr_assert(ringcast_records_put(&records, RECORD_FLEET, "b", number(3)));
	cr_assert(ringcast_records_remove(&records, RECORD_FLEET, "b"));
	cr_assert(ringcast_records_put(&records, RECORD_FLEET, "b", number(4)));
	cr_assert_not(ringcast_records_remove(&records, RECORD_FLEET, "nobody"));
	ringcast_records_undo(&records, 3);
	cr_assert_eq(value_of(&records, "b"), -1);
	ringcast_records_undo(&records, 1);
	cr_assert_eq(value_of(&records, "b"), 1);
	cr_assert_eq(value_of(&records, "a"), 2);
	ringcast_records_undo(&records, 0);
	cr_assert_eq(ringcast_records_count(&records, RECORD_FLEET), 1);
	ringcast_records_fini(&records);
}

Test(records, random_changes_undo_to_what_was)
{
	struct records records;
	struct prng prng;
	ringcast_records_init(&records);
	ringcast_prng_init(&prng, 7);
	for (int round = 0; round < 300; round++) {
		int before[8];
		char id[2] = "a";
		for (int i = 0; i < 8; i++) {
			id[0] = (char)('a' + i);
			before[i] = value_of(&records, id);
		}
		for (int change = 0; change < 12; change++) {
			id[0] = (char)('a' + ringcast_prng_below(&prng, 8));
			if (ringcast_prng_chance(&prng, 1, 3))
				ringcast_records_remove(&records, RECORD_FLEET, id);
			else
				ringcast_records_put(&records, RECORD_FLEET, id, number(round * 100 + change));
		}
		if (ringcast_prng_chance(&prng, 1, 2)) {
			ringcast_records_settle(&records, records.change_count);
			continue;
		}
		ringcast_records_undo(&records, 0);
		for (int i = 0; i < 8; i++) {
			id[0] = (char)('a' + i);
			cr_assert_eq(value_of(&records, id), before[i]);
		}
	}
	ringcast_records_fini(&records);
}

Test(records, the_next_one_follows_whatever_was_removed)
{
	struct records records;
	ringcast_records_init(&records);
	for (const char *id = "dbca"; *id != '\0'; id++)
		ringcast_records_put(&records, RECORD_ALIAS, (char[]){*id, '\0'}, number(0));
	cr_assert_str_eq(ringcast_records_next(&records, RECORD_ALIAS, "")->id, "a");
	ringcast_records_remove(&records, RECORD_ALIAS, "b");
	cr_assert_str_eq(ringcast_records_next(&records, RECORD_ALIAS, "b")->id, "c");
	cr_assert_null(ringcast_records_next(&records, RECORD_ALIAS, "d"));
	ringcast_records_fini(&records);
}

/* The store on the disk */

static char folder[64];
static char path[128];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ringcast-store-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/store.db", folder);
}

static void remove_folder(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(store, .init = make_folder, .fini = remove_folder);

static struct store *open_store(const char *wanted)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	struct store *store = ringcast_service_store_open(path, problem);
	if (wanted == NULL)
		cr_assert_not_null(store, "%s", problem);
	else
		cr_assert(store == NULL && strstr(problem, wanted) != NULL, "%s", problem);
	return store;
}

static void write_fleet(struct store *store, int n)
{
	char problem[STORE_PROBLEM_BYTES];
	json_t *document = number(n);
	struct record_change change = {RECORD_FLEET, (char *)"a", NULL, document};
	cr_assert(ringcast_service_store_write(store, &change, 1, problem), "%s", problem);
	json_decref(document);
}

static int read_fleet(struct store *store)
{
	char problem[STORE_PROBLEM_BYTES];
	struct records records;
	ringcast_records_init(&records);
	cr_assert(ringcast_service_store_load(store, &records, problem), "%s", problem);
	int n = value_of(&records, "a");
	ringcast_records_fini(&records);
	return n;
}

Test(store, what_was_written_is_there_again)
{
	struct store *store = open_store(NULL);
	write_fleet(store, 1);
	write_fleet(store, 2);
	ringcast_service_store_close(&store);
	store = open_store(NULL);
	cr_assert_eq(read_fleet(store), 2);
	ringcast_service_store_close(&store);
}

static void run_sql(const char *sql)
{
	char command[512];
	snprintf(command, sizeof(command), "/usr/bin/python3 -c \"import sqlite3; c = sqlite3.connect('%s'); c.executescript('%s'); c.commit()\"", path, sql);
	cr_assert_eq(system(command), 0);
}

Test(store, a_newer_store_is_not_touched)
{
	struct store *store = open_store(NULL);
	ringcast_service_store_close(&store);
	run_sql("PRAGMA user_version = 99");
	open_store("written by a newer version (99");
}

Test(store, another_programs_database_is_not_touched)
{
	run_sql("CREATE TABLE other (a)");
	open_store("a database of another program");
}

Test(store, damage_is_said)
{
	struct store *store = open_store(NULL);
	write_fleet(store, 1);
	ringcast_service_store_close(&store);
	FILE *file = fopen(path, "r+");
	for (long at = 4096; at < 12288; at += 8) {
		fseek(file, at, SEEK_SET);
		fwrite("garbage!", 1, 8, file);
	}
	fclose(file);
	open_store("damaged");
	file = fopen(path, "w");
	fputs("no database at all, but long enough to look like a header of one: 0123456789 0123456789 0123456789 0123456789", file);
	fclose(file);
	open_store("file is not a database");
}

Test(store, a_folder_that_is_not_there_is_said)
{
	snprintf(path, sizeof(path), "%s/nowhere/store.db", folder);
	open_store("unable to open");
}

Test(store, a_backup_is_whole_and_never_overwrites)
{
	char copy[128], problem[STORE_PROBLEM_BYTES] = "";
	struct store *store = open_store(NULL);
	write_fleet(store, 5);
	snprintf(copy, sizeof(copy), "%s/copy.db", folder);
	cr_assert(ringcast_service_store_backup(store, copy, problem), "%s", problem);
	cr_assert_not(ringcast_service_store_backup(store, copy, problem));
	cr_assert_not_null(strstr(problem, "already"));
	ringcast_service_store_close(&store);
	snprintf(path, sizeof(path), "%s", copy);
	store = open_store(NULL);
	cr_assert_eq(read_fleet(store), 5);
	ringcast_service_store_close(&store);
}

/* Operations on records */

static struct rig rig;

static void init(void)
{
	rig_init(&rig, false);
}

static void fini(void)
{
	rig_fini(&rig);
}

TestSuite(configured, .init = init, .fini = fini);

static void expect_fault(const char *operation, const char *input, enum fault fault)
{
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, fault, "%s: %s", operation, request->message);
	rig_free(request);
}

static char *make(const char *operation, const char *input, const char *member)
{
	static char ids[8][128];
	static unsigned next;
	char *id = ids[next++ % 8];
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	snprintf(id, sizeof(ids[0]), "%s", rig_text(request, member));
	rig_free(request);
	return id;
}

static const char *format(const char *text, const char *id)
{
	static char out[512];
	snprintf(out, sizeof(out), text, id);
	return out;
}

Test(configured, a_fleets_life)
{
	const char *fleet = make("CreateFleet", "{\"Name\": \"f\", \"Tags\": [{\"Key\": \"a\", \"Value\": \"b\"}]}", "FleetAttributes.FleetId");
	expect_fault("UpdateFleetAttributes", format("{\"FleetId\": \"%s\", \"Name\": \"g\"}", fleet), FAULT_NONE);
	struct request *request = rig_run(&rig, "DescribeFleetAttributes", format("{\"FleetIds\": [\"%s\"]}", fleet));
	cr_assert_str_eq(rig_text(request, "FleetAttributes.0.Name"), "g");
	cr_assert_str_eq(rig_text(request, "FleetAttributes.0.Status"), "ACTIVE");
	rig_free(request);
	rig_free(rig_run(&rig, "CreateGameSession", format("{\"FleetId\": \"%s\", \"MaximumPlayerSessionCount\": 1}", fleet)));
	expect_fault("DeleteFleet", format("{\"FleetId\": \"%s\"}", fleet), FAULT_FLEET_STATUS);
	request = rig_run(&rig, "DescribeFleetUtilization", "{}");
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(json_object_get(request->output, "FleetUtilization"), 0), "ActiveGameSessionCount")), 1);
	rig_free(request);
	expect_fault("CreateGameSession", "{\"FleetId\": \"fleet-unknown\", \"MaximumPlayerSessionCount\": 1}", FAULT_NOT_FOUND);
	expect_fault("CreateFleet", "{\"Name\": \"f\", \"ScriptId\": \"script-unknown\"}", FAULT_NOT_FOUND);
	expect_fault("CreateFleet", "{\"Name\": \"f\", \"ScriptId\": \"script-a\", \"BuildId\": \"build-a\"}", FAULT_INVALID);
}

Test(configured, an_alias_leads_somewhere)
{
	const char *fleet = make("CreateFleet", "{\"Name\": \"f\"}", "FleetAttributes.FleetId");
	const char *alias = make("CreateAlias", format("{\"Name\": \"a\", \"RoutingStrategy\": {\"Type\": \"SIMPLE\", \"FleetId\": \"%s\"}}", fleet), "Alias.AliasId");
	struct request *request = rig_run(&rig, "ResolveAlias", format("{\"AliasId\": \"%s\"}", alias));
	cr_assert_str_eq(rig_text(request, "FleetId"), fleet);
	rig_free(request);
	expect_fault("CreateGameSession", format("{\"AliasId\": \"%s\", \"MaximumPlayerSessionCount\": 1}", alias), FAULT_NONE);
	expect_fault("UpdateAlias", format("{\"AliasId\": \"%s\", \"RoutingStrategy\": {\"Type\": \"TERMINAL\", \"Message\": \"closed\"}}", alias), FAULT_NONE);
	expect_fault("CreateGameSession", format("{\"AliasId\": \"%s\", \"MaximumPlayerSessionCount\": 1}", alias), FAULT_TERMINAL_ROUTING);
	expect_fault("ResolveAlias", format("{\"AliasId\": \"%s\"}", alias), FAULT_TERMINAL_ROUTING);
	expect_fault("CreateAlias", "{\"Name\": \"a\", \"RoutingStrategy\": {\"Type\": \"SIMPLE\", \"FleetId\": \"fleet-unknown\"}}", FAULT_NOT_FOUND);
	expect_fault("CreateAlias", "{\"Name\": \"a\", \"RoutingStrategy\": {\"Type\": \"TERMINAL\", \"Message\": null}}", FAULT_INVALID);
	expect_fault("DeleteAlias", format("{\"AliasId\": \"%s\"}", alias), FAULT_NONE);
	expect_fault("DescribeAlias", format("{\"AliasId\": \"%s\"}", alias), FAULT_NOT_FOUND);
}

Test(configured, locations_and_tags)
{
	const char *arn = make("CreateLocation", "{\"LocationName\": \"custom-rack1\"}", "Location.LocationArn");
	expect_fault("CreateLocation", "{\"LocationName\": \"custom-rack1\"}", FAULT_CONFLICT);
	expect_fault("TagResource", format("{\"ResourceARN\": \"%s\", \"Tags\": [{\"Key\": \"a\", \"Value\": \"1\"}, {\"Key\": \"b\", \"Value\": \"2\"}]}", arn), FAULT_NONE);
	expect_fault("UntagResource", format("{\"ResourceARN\": \"%s\", \"TagKeys\": [\"a\"]}", arn), FAULT_NONE);
	struct request *request = rig_run(&rig, "ListTagsForResource", format("{\"ResourceARN\": \"%s\"}", arn));
	cr_assert_eq(json_array_size(json_object_get(request->output, "Tags")), 1);
	cr_assert_str_eq(rig_text(request, "Tags.0.Key"), "b");
	rig_free(request);
	make("CreateFleet", "{\"Name\": \"f\", \"Locations\": [{\"Location\": \"custom-rack1\"}]}", "FleetAttributes.FleetId");
	expect_fault("DeleteLocation", "{\"LocationName\": \"custom-rack1\"}", FAULT_INVALID);
	expect_fault("CreateFleet", "{\"Name\": \"f\", \"Locations\": [{\"Location\": \"custom-rack2\"}]}", FAULT_NOT_FOUND);
}

/* What the interface takes is called NAMEInput or NAMERequest; whatever is called so belongs to an operation that has a row. */
Test(configured, tags_go_with_what_they_were_on)
{
	rig_free(rig_run(&rig, "CreateLocation", "{\"LocationName\": \"custom-t\", \"Tags\": [{\"Key\": \"k\", \"Value\": \"v\"}]}"));
	rig_free(rig_run(&rig, "DeleteLocation", "{\"LocationName\": \"custom-t\"}"));
	cr_assert_eq(ringcast_records_count(&ringcast_loop_model(rig.loop)->records, RECORD_TAGS), 0);
	rig_free(rig_run(&rig, "CreateLocation", "{\"LocationName\": \"custom-t\"}"));
	struct request *tags = rig_run(&rig, "ListTagsForResource", "{\"ResourceARN\": \"arn:aws:gamelift:local::location/custom-t\"}");
	cr_assert_eq(tags->fault, FAULT_NONE, "%s", tags->message);
	cr_assert_eq(json_array_size(json_object_get(tags->output, "Tags")), 0);
	rig_free(tags);
}

Test(configured, no_operation_of_the_interface_is_without_a_row)
{
	size_t count = 0;
	for (int id = SHAPE_ID_NONE + 1; id < SHAPE_ID_COUNT; id++) {
		const char *name = ringcast_shape((enum shape_id)id)->name;
		size_t size = strlen(name), tail = strlen("Request");
		char operation[96];
		if (size > tail && strcmp(name + size - tail, "Request") == 0)
			size -= tail;
		else if (size > 5 && strcmp(name + size - 5, "Input") == 0 && ringcast_shape((enum shape_id)id)->kind == SHAPE_STRUCT)
			size -= 5;
		else
			continue;
		snprintf(operation, sizeof(operation), "%.*s", (int)size, name);
		if (strstr(operation, "Definition") == operation + strlen(operation) - 10 && strstr(operation, "Describe") == NULL)
			continue; /* parts of a container's description */
		cr_assert_not_null(ringcast_operation_find(operation), "%s", operation);
		count++;
	}
	cr_assert_geq(count, 110);
}

Test(configured, roles_are_kept)
{
	struct request *request = rig_ask(&rig, "CreateFleet", "{\"Name\": \"f\"}");
	request->role = ROLE_BACKEND;
	rig_turn(&rig);
	cr_assert_eq(request->fault, FAULT_UNAUTHORIZED);
	rig_free(request);
}

Test(configured, every_operation_names_its_shapes)
{
	const char *before = "";
	for (size_t i = 0; ringcast_operation_at(i) != NULL; i++) {
		const struct operation *operation = ringcast_operation_at(i);
		cr_assert_lt(strcmp(before, operation->name), 0, "%s stands after %s", operation->name, before);
		cr_assert_eq(ringcast_operation_find(operation->name), operation);
		cr_assert(operation->run == NULL || ringcast_shape(operation->input)->kind == SHAPE_STRUCT);
		cr_assert_neq(*operation->text, '\0');
		before = operation->name;
	}
}
