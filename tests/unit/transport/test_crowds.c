/* Who gives way where places run short, and whose turn it is; against a simple model over many steps. */
#include <criterion/criterion.h>

#include "base/attr.h"
#include "base/prng.h"
#include "tests/unit/base/check.h"
#include "transport/crowds.h"

enum { CAPACITY = 12, KEYS = 5 };

static struct crowds crowds;
static struct member { struct crowd_member member; uint64_t key; unsigned since; bool is_in; } members[CAPACITY];
static unsigned now;

static void set_up(void)
{
	memset(members, 0, sizeof(members));
	cr_assert(ringcast_crowds_init(&crowds, CAPACITY, 3));
}

static void tear_down(void)
{
	for (unsigned i = 0; i < CAPACITY; i++)
		ringcast_crowds_remove(&crowds, &members[i].member); /* harmless when in none */
	ringcast_crowds_fini(&crowds);
}

TestSuite(crowds, .init = set_up, .fini = tear_down);

static struct member *add(uint64_t key)
{
	struct member *member = members;
	while (member->is_in)
		member++;
	*member = (struct member){.key = key, .since = now++, .is_in = true};
	ringcast_crowds_add(&crowds, key, &member->member);
	return member;
}

static void remove_one(struct member *member)
{
	member->is_in = false;
	ringcast_crowds_remove(&crowds, &member->member);
}

static struct member *member_of(struct crowd_member *member)
{
	return member != NULL ? CONTAINER_OF(member, struct member, member) : NULL;
}

static struct member *victim(uint64_t newcomer, bool *ret_is_hogs)
{
	return member_of(ringcast_crowds_victim(&crowds, newcomer, ret_is_hogs));
}

Test(crowds, the_largest_gives_its_oldest)
{
	bool is_hogs;
	cr_assert_null(victim(1, &is_hogs));
	add(1);
	struct member *hogs = add(2);
	add(2);
	add(2);
	add(3);
	cr_assert_eq(victim(1, &is_hogs), hogs);
	cr_assert(is_hogs);
	cr_assert_eq(victim(9, &is_hogs), hogs, "also for a stranger");
	cr_assert_eq(victim(2, &is_hogs), hogs, "and for one of its own");
	cr_assert_not(is_hogs);
	cr_assert_eq(ringcast_crowds_size(&crowds, 2), 3);
	cr_assert_eq(ringcast_crowds_size(&crowds, 9), 0);
}

/* Where everybody has one, the oldest of all goes for a newcomer, but for one who would have two it is its own. */
Test(crowds, an_only_one_does_not_go_for_somebodys_second)
{
	bool is_hogs;
	struct member *first = add(1), *second = add(2);
	add(3);
	cr_assert_eq(victim(4, &is_hogs), first);
	cr_assert_not(is_hogs);
	cr_assert_eq(victim(2, &is_hogs), second);
	cr_assert_not(is_hogs);
}

Test(crowds, each_has_its_turn_however_large)
{
	struct member *one = add(1), *another = add(1);
	add(1);
	struct member *other = add(2);
	cr_assert_eq(member_of(ringcast_crowds_next(&crowds)), one);
	remove_one(one);
	cr_assert_eq(member_of(ringcast_crowds_next(&crowds)), other);
	remove_one(other);
	cr_assert_eq(member_of(ringcast_crowds_next(&crowds)), another);
	cr_assert_eq(member_of(ringcast_crowds_next(&crowds)), another, "it stays until it is removed");
}

Test(crowds, a_64_of_ipv6_is_one_crowd)
{
	struct address a = {.ip = {0x20, 0x01, [7] = 1, [15] = 1}}, b = {.ip = {0x20, 0x01, [7] = 1, [15] = 2}}, c = {.ip = {0x20, 0x01, [7] = 2, [15] = 1}};
	struct address v4 = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}}, other_v4 = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}};
	cr_assert_eq(ringcast_crowds_key(&crowds, &a), ringcast_crowds_key(&crowds, &b));
	cr_assert_neq(ringcast_crowds_key(&crowds, &a), ringcast_crowds_key(&crowds, &c));
	cr_assert_neq(ringcast_crowds_key(&crowds, &v4), ringcast_crowds_key(&crowds, &other_v4));
}

static unsigned size_of(uint64_t key)
{
	unsigned size = 0;
	for (unsigned i = 0; i < CAPACITY; i++)
		size += members[i].is_in && members[i].key == key;
	return size;
}

static const struct member *oldest(uint64_t key) /* 0: of all */
{
	const struct member *first = NULL;
	for (unsigned i = 0; i < CAPACITY; i++)
		if (members[i].is_in && (key == 0 || members[i].key == key) && (first == NULL || members[i].since < first->since))
			first = &members[i];
	return first;
}

static void check_victim(uint64_t newcomer, unsigned largest)
{
	bool is_hogs;
	const struct member *goes = victim(newcomer, &is_hogs);
	unsigned with_it = size_of(newcomer) + 1;
	check(is_hogs == (largest > with_it), "");
	if (goes == NULL) {
		check(crowds.count == 0, "");
		return;
	}
	if (with_it > largest)
		check(goes == oldest(newcomer), "its own");
	else if (largest == 1)
		check(goes == oldest(0), "of all");
	else
		check(size_of(goes->key) == largest && goes == oldest(goes->key), "a largest one's oldest");
}

Test(crowds, agree_with_a_simple_model)
{
	struct prng prng;
	ringcast_prng_init(&prng, 20260303);
	for (int round = 0; round < 20000; round++) {
		struct member *member = &members[ringcast_prng_below(&prng, CAPACITY)];
		unsigned largest = 0, count = 0;
		if (member->is_in)
			remove_one(member);
		else
			add(1 + ringcast_prng_below(&prng, KEYS));
		for (uint64_t key = 1; key <= KEYS; key++) {
			largest = size_of(key) > largest ? size_of(key) : largest;
			count += size_of(key);
			check(ringcast_crowds_size(&crowds, key) == size_of(key), "round %d", round);
			check(member_of(ringcast_crowds_oldest(&crowds, key)) == oldest(key) || size_of(key) == 0, "round %d", round);
		}
		check(crowds.count == count && crowds.size_max == largest, "round %d", round);
		for (uint64_t key = 1; key <= KEYS + 1; key++)
			check_victim(key, largest);
	}
}
