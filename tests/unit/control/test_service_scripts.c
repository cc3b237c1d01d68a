/* Scripts as the service's fleets use them, on the store of scripts. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/package.h"
#include "control/service_scripts.h"
#include "fake_scripts.h"
#include "make_zip.h"

enum { VERSION_COUNT = 100 };

static struct service_scripts scripts;
static char versions[VERSION_COUNT][HOST_ID_BYTES];

static void push(unsigned number)
{
	char text[32];
	struct host_script script = {.name = "game"};
	snprintf(text, sizeof(text), "version %u", number);
	struct zip_bytes zip = make_zip((struct zip_entry[]){{"main.lua", text}, {0}});
	script.zip = zip.data;
	script.zip_bytes = zip.size;
	cr_assert_eq(scripts.base.push(&scripts, &script), HOST_OK, "%s", script.text);
	memcpy(versions[number], script.version, sizeof(versions[number]));
	free(zip.data);
}

static bool is_current(ringcast_engine *engine, const char *version)
{
	static ringcast_script_info infos[2 * VERSION_COUNT];
	size_t count = 0;
	cr_assert_eq(ringcast_script_list(engine, "game", infos, 2 * VERSION_COUNT, &count), RINGCAST_OK);
	for (size_t i = 0; i < count; i++)
		if (infos[i].is_current)
			return strcmp(infos[i].version, version) == 0;
	return false;
}

Test(service_scripts, a_fleet_of_an_old_version_leaves_the_current_one_alone)
{
	ringcast_engine_options engine_options = RINGCAST_ENGINE_OPTIONS_INIT;
	char folder[] = "/tmp/ringcast-service-scripts-XXXXXX", text[128];
	struct config_error error;
	ringcast_engine *engine;
	cr_assert(mkdtemp(folder));
	cr_assert_eq(ringcast_engine_create(&engine_options, &engine, text, sizeof(text)), RINGCAST_OK);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct logs *logs = ringcast_logs_create(null, LOGS_TEXT, RINGCAST_LOG_ERROR);
	fake_scripts_reset();
	const struct script_store_options options = {
		.directory = folder, .versions_kept = VERSION_COUNT, .package = {.zip_bytes_max = 1 << 20, .unpacked_bytes_max = 1 << 20, .files_max = 100}};
	struct script_store *store = ringcast_script_store_create(&options, engine, logs, &error);
	cr_assert(store, "%s", error.text);
	ringcast_service_scripts_init(&scripts, store, engine);
	for (unsigned i = 0; i < VERSION_COUNT; i++)
		push(i);
	for (unsigned i = 0; i < VERSION_COUNT; i++) {
		struct host_script script = {.name = "game"};
		memcpy(script.version, versions[i], sizeof(script.version));
		cr_assert_eq(scripts.base.select(&scripts, &script), HOST_OK, "%u: %s", i, script.text);
		cr_assert(is_current(engine, versions[VERSION_COUNT - 1]), "the fleet of version %u changed it", i);
	}
	ringcast_script_store_destroy(&store);
	ringcast_package_remove_folder(folder);
	ringcast_logs_destroy(&logs);
	close(null);
	ringcast_engine_destroy(&engine);
}
