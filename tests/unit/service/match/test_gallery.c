/* The gallery of docs/matchmaking.md: each rule set is read, and does what its first line promises. */
#include "match_rig.h"
#include "service/match/pool.h"

#include <stdlib.h>

static struct match_rule_set *rule_set;
static struct match_pool *pool;

static void open_gallery(const char *name)
{
	char path[512], problem[DOCUMENT_PROBLEM_BYTES], *text = calloc(1, 65536);
	snprintf(path, sizeof(path), "%s/%s.json", RINGCAST_GALLERY, name);
	FILE *file = fopen(path, "re");
	cr_assert_not_null(file, "%s", path);
	size_t size = fread(text, 1, 65535, file);
	fclose(file);
	rule_set = ringcast_match_rule_set_create(text, size, 1, problem);
	cr_assert_not_null(rule_set, "%s: %s", path, problem);
	pool = ringcast_match_pool_create(rule_set, &(struct match_pool_options){.seed = 1});
	free(text);
}

static void close_gallery(void)
{
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
}

static handle add(const char *text, uint64_t at_s)
{
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	json_t *players = players_of(text);
	handle ticket = ringcast_match_pool_add(pool, players, at_s * NS_PER_S, problem);
	cr_assert_neq(ticket, HANDLE_NONE, "%s: %s", text, problem);
	json_decref(players);
	return ticket;
}

static bool is_matched(handle ticket, uint64_t at_s)
{
	enum match_ticket_state state;
	ringcast_match_pool_round(pool, at_s * NS_PER_S);
	cr_assert(ringcast_match_pool_state(pool, ticket, &state));
	return state == MATCH_IS_PLACING;
}

Test(match_gallery, duel)
{
	open_gallery("duel");
	handle a = add("a rating=1000", 0);
	add("b rating=1080", 0);
	cr_assert(!is_matched(a, 4));
	add("c rating=960", 4);
	cr_assert(is_matched(a, 4), "with c");
	handle d = add("d rating=1150", 4);
	cr_assert(is_matched(d, 9), "with b, 70 apart after 5 s");
	close_gallery();
}

Test(match_gallery, five_on_five)
{
	char text[128];
	open_gallery("five-on-five");
	handle first = HANDLE_NONE;
	for (int i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "p%d skill=%d @eu=40", i, 46 + i);
		handle ticket = add(text, 0);
		first = i == 0 ? ticket : first;
	}
	add("casual mode='casual' skill=50 @eu=40", 0);
	add("slow skill=50 @eu=90", 0);
	cr_assert(!is_matched(first, 1));
	cr_assert(is_matched(first, 10), "the slow one is fast enough after 10 s");
	close_gallery();
}

Test(match_gallery, hunt)
{
	open_gallery("hunt");
	handle weak = add("weak role='beast' skill=10", 0);
	add("h1 skill=20", 0);
	add("h2 skill=25; h3 skill=5", 0);
	cr_assert(!is_matched(weak, 40), "no match for the hunters, however long it waits");
	handle strong = add("strong role='beast' skill=30", 40);
	cr_assert(!is_matched(strong, 59));
	cr_assert(is_matched(strong, 60), "three hunters will do after 20 s");
	close_gallery();
}

Test(match_gallery, maps)
{
	open_gallery("maps");
	handle anchor = add("a maps=['harbour','dunes'] liking={'dunes':90,'harbour':10} class=['medic']", 0);
	add("b; c; d", 1); /* harbour, as a's second choice */
	add("e class=['medic']; f", 1);
	for (int i = 0; i < 5; i++) {
		char text[128];
		snprintf(text, sizeof(text), "x%d maps=['dunes'] liking={'dunes':%d}", i, 50 + i);
		add(text, 2);
	}
	cr_assert(is_matched(anchor, 3));
	uint32_t count;
	const struct match_effect *effects = ringcast_match_pool_effects(pool, &count);
	struct match_lineup_view view = {0};
	for (uint32_t i = 0; i < count; i++)
		if (effects[i].ticket == anchor && effects[i].match != HANDLE_NONE)
			cr_assert(ringcast_match_pool_match(pool, effects[i].match, &view));
	cr_assert_eq(view.count, 6, "those who like the dunes come first");
	close_gallery();
}

Test(match_gallery, rivals)
{
	open_gallery("rivals");
	handle knight = add("a character=['knight'] wanted=['knight','mage','rogue']", 0);
	add("b character=['mage'] wanted=['knight','mage']", 0);
	handle rogue = add("c character=['rogue'] wanted=['knight','mage','rogue']", 0);
	cr_assert(!is_matched(rogue, 14), "b does not want a rogue");
	add("d character=['mage'] wanted=['knight','mage']", 14);
	cr_assert(is_matched(knight, 14));
	add("e character=['orc'] wanted=['elf']", 14);
	add("f character=['elf'] wanted=['orc']", 14);
	cr_assert(!is_matched(rogue, 28));
	cr_assert(is_matched(rogue, 29), "nobody minds after 15 s");
	close_gallery();
}

Test(match_gallery, newcomers)
{
	open_gallery("newcomers");
	handle fresh = add("a games=1", 0);
	handle old = add("b games=500", 0);
	cr_assert(!is_matched(fresh, 1));
	add("c games=900 helps=1", 1);
	cr_assert(is_matched(fresh, 2));
	cr_assert(is_matched(old, 2), "the helper makes it a match for all three");
	close_gallery();
}

Test(match_gallery, last_one_standing)
{
	char text[128];
	open_gallery("last-one-standing");
	handle first = HANDLE_NONE;
	for (int i = 0; i < 160; i++) {
		snprintf(text, sizeof(text), "p%d skill=%d @eu=%d", i, i % 50, i < 120 ? 100 : 180);
		handle ticket = add(text, 0);
		first = i == 0 ? ticket : first;
	}
	cr_assert(!is_matched(first, 9), "120 are near enough, 150 are needed");
	cr_assert(is_matched(first, 10), "a hundred will do");
	close_gallery();
}
