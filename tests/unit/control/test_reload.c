/* What a reload takes over, what it leaves, and what it says about both. */
#include <criterion/criterion.h>
#include <string.h>

#include "control/reload.h"

static void set(struct config *config, const char *path, const char *text)
{
	struct config_error error;
	cr_assert(ringcast_config_set(config, ringcast_options_find_path(path), text, CONFIG_FILE, "test", &error), "%s", error.text);
}

TestSuite(reload, .timeout = 30);

Test(reload, nothing_changed)
{
	struct config running, next;
	char text[100];
	ringcast_config_init(&running);
	ringcast_config_init(&next);
	json_t *changes = ringcast_reload_apply(&running, &next);
	ringcast_reload_names(changes, "changed", text, sizeof(text));
	cr_assert_str_eq(text, "none");
	json_decref(changes);
}

Test(reload, takes_the_reloadable_and_names_the_rest)
{
	struct config running, next;
	char changed[100], needs_restart[100];
	ringcast_config_init(&running);
	next = running;
	set(&next, "drain_timeout", "5s");
	set(&next, "limits.messages_per_second", "9");
	set(&next, "listen.tcp_port", "9");
	set(&next, "limits.players_max", "9");
	json_t *changes = ringcast_reload_apply(&running, &next);
	ringcast_reload_names(changes, "changed", changed, sizeof(changed));
	ringcast_reload_names(changes, "needs_restart", needs_restart, sizeof(needs_restart));
	json_decref(changes);
	cr_assert_str_eq(changed, "drain_timeout, limits.messages_per_second");
	cr_assert_str_eq(needs_restart, "listen.tcp_port, limits.players_max");
	cr_assert_eq(running.drain_timeout_ms, 5000);
	cr_assert_eq(running.limits.messages_per_second, 9);
	cr_assert_eq(running.listen_tcp_port, 7777);
	cr_assert_eq(running.limits.players_max, 5000);
	cr_assert_eq(ringcast_config_source(&running, ringcast_options_find_path("drain_timeout")), CONFIG_FILE);
	cr_assert_eq(ringcast_config_source(&running, ringcast_options_find_path("listen.tcp_port")), CONFIG_DEFAULT);
}

Test(reload, every_key_lands_in_one_list)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = ringcast_options_at(i);
		struct config running, next;
		ringcast_config_init(&running);
		next = running;
		*((unsigned char *)ringcast_config_field(&next, option)) ^= 1;
		json_t *changes = ringcast_reload_apply(&running, &next);
		cr_assert_eq(json_array_size(json_object_get(changes, "changed")), option->is_reloadable, "%s", option->key);
		cr_assert_eq(json_array_size(json_object_get(changes, "needs_restart")), !option->is_reloadable, "%s", option->key);
		json_decref(changes);
	}
}
