#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scripts/registry.h"

static struct script_registry registry;

static void set_up(void)
{
	ringcast_registry_init(&registry, 3);
}

static void tear_down(void)
{
	ringcast_registry_fini(&registry);
}

/* As ringcast_script_read makes them, as far as the registry looks at them. The version is digit, 32 times. */
static struct script *make(const char *name, char digit)
{
	struct script *script = calloc(1, sizeof(*script));
	snprintf(script->name, sizeof(script->name), "%s", name);
	memset(script->version, digit, SCRIPT_VERSION_BYTES - 1);
	script->folder = strdup("/nowhere");
	script->main = strdup("main.lua");
	script->refs = 1;
	return script;
}

static void add(const char *name, char digit)
{
	cr_assert_eq(ringcast_registry_add(&registry, make(name, digit)), RINGCAST_OK);
}

/* The first digit of the version found, '-' for none. */
static char find(const char *text)
{
	struct script_version *version = ringcast_registry_find(&registry, text);
	char digit = version != NULL ? version->script->version[0] : '-';
	ringcast_script_version_release(&version);
	cr_assert_null(version);
	return digit;
}

static void append(void *context, const struct script_version *version)
{
	char *text = context;
	snprintf(text + strlen(text), 200 - strlen(text), "%s%c%s ", version->script->name, version->script->version[0], version->is_current ? "*" : "");
}

static const char *list(const char *name)
{
	static char text[200];
	*text = '\0';
	ringcast_registry_each(&registry, name, append, text);
	return text;
}

TestSuite(registry, .init = set_up, .fini = tear_down, .timeout = 30);

Test(registry, the_newest_is_current)
{
	cr_assert_eq(find("game"), '-');
	add("game", 'a');
	add("game", 'b');
	add("chat", 'c');
	cr_assert_eq(find("game"), 'b');
	cr_assert_str_eq(list(NULL), "chatc* gameb* gamea ");
	cr_assert_str_eq(list("game"), "gameb* gamea ");
	cr_assert_str_eq(list("none"), "");
}

Test(registry, finds_versions_by_their_beginning)
{
	add("game", 'a');
	add("game", 'b');
	cr_assert_eq(find("game@aaaaaa"), 'a');
	cr_assert_eq(find("game@aaaaa"), '-', "too short to mean one");
	cr_assert_eq(find("game@"), '-');
	cr_assert_eq(find("game@cccccc"), '-');
	cr_assert_eq(find("@aaaaaa"), '-');
	cr_assert_eq(find("gam"), '-');
	cr_assert_eq(find("games"), '-');
}

Test(registry, an_ambiguous_beginning_means_none)
{
	struct script *twin = make("game", 'a');
	add("game", 'a');
	twin->version[20] = 'b';
	cr_assert_eq(ringcast_registry_add(&registry, twin), RINGCAST_OK);
	cr_assert_eq(find("game@aaaaaaaa"), '-');
	cr_assert_eq(find("game@aaaaaaaaaaaaaaaaaaaaaaaa"), 'a');
}

Test(registry, the_same_version_again_is_made_current)
{
	add("game", 'a');
	add("game", 'b');
	add("game", 'a');
	cr_assert_str_eq(list("game"), "gameb gamea* ");
}

Test(registry, selects)
{
	add("game", 'a');
	add("game", 'b');
	cr_assert_eq(ringcast_registry_select(&registry, "game@aaaaaaaa"), RINGCAST_OK);
	cr_assert_str_eq(list("game"), "gameb gamea* ");
	cr_assert_eq(ringcast_registry_select(&registry, "game@cccccccc"), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_eq(ringcast_registry_select(&registry, "none@aaaaaaaa"), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_str_eq(list("game"), "gameb gamea* ");
}

Test(registry, keeps_the_last_the_current_and_those_in_use)
{
	add("game", 'a');
	struct script_version *used = ringcast_registry_find(&registry, "game");
	used->session_count = 1;
	for (char digit = 'b'; digit <= 'f'; digit++)
		add("game", digit);
	cr_assert_str_eq(list("game"), "gamef* gamee gamed gamea ");
	cr_assert_eq(ringcast_registry_select(&registry, "game@dddddddd"), RINGCAST_OK);
	used->session_count = 0;
	cr_assert_eq(ringcast_registry_select(&registry, "game@dddddddd"), RINGCAST_OK);
	cr_assert_str_eq(list("game"), "gamef gamee gamed* ");
	cr_assert_eq(used->script->version[0], 'a', "our reference keeps it");
	cr_assert_eq(used->refs, 1);
	ringcast_script_version_release(&used);
}

Test(registry, removes)
{
	add("game", 'a');
	add("game", 'b');
	add("chat", 'c');
	cr_assert_eq(ringcast_registry_remove(&registry, "game@bbbbbbbb"), RINGCAST_ERROR_STATE, "it is current");
	cr_assert_eq(ringcast_registry_remove(&registry, "game@aaaaaaaa"), RINGCAST_OK);
	cr_assert_eq(ringcast_registry_remove(&registry, "game@aaaaaaaa"), RINGCAST_ERROR_NOT_FOUND);
	cr_assert_str_eq(list(NULL), "chatc* gameb* ");
	struct script_version *held = ringcast_registry_find(&registry, "game");
	cr_assert_eq(ringcast_registry_remove(&registry, "game"), RINGCAST_OK);
	cr_assert_str_eq(list(NULL), "chatc* ");
	cr_assert_not(held->is_current, "so that shards let their programs go");
	ringcast_script_version_release(&held);
	cr_assert_eq(ringcast_registry_remove(&registry, "game"), RINGCAST_ERROR_NOT_FOUND);
}

Test(registry, every_change_is_told_to_shards)
{
	uint32_t before = registry.change_count;
	add("game", 'a');
	add("game", 'b');
	cr_assert_eq(ringcast_registry_select(&registry, "game@aaaaaaaa"), RINGCAST_OK);
	cr_assert_eq(ringcast_registry_remove(&registry, "game"), RINGCAST_OK);
	cr_assert_eq(registry.change_count, before + 4);
}

static void *look_up_often(void *context)
{
	for (int i = 0; i < 20000; i++) {
		struct script_version *version = ringcast_registry_find(&registry, "game");
		if (version != NULL)
			*(int *)context += version->script->version[0] == version->script->version[SCRIPT_VERSION_BYTES - 2];
		ringcast_script_version_release(&version);
	}
	return NULL;
}

Test(registry, may_be_asked_while_it_changes)
{
	pthread_t threads[2];
	int sane_counts[2] = {0, 0};
	add("game", 'a');
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, look_up_often, &sane_counts[i]), 0);
	for (int i = 0; i < 2000; i++)
		add("game", (char)('a' + i % 20));
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		cr_assert_eq(sane_counts[i], 20000);
	}
	cr_assert_eq(find("game"), 'a' + 1999 % 20);
}
