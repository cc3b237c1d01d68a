/* Who has an association, who may begin another, and that the counts come back to zero whatever happened. */
#include "base/prng.h"
#include "tests/unit/base/check.h"
#include "toy_sessions.h"
#include "transport/association.h"

enum { CAPACITY = 8 };

static struct association_table table;
static struct crypto_context *context;
static struct association *victim; /* of the last may_open */
static uint64_t late_deadline_ns;  /* zero: everybody has just come */

static void set_up(void)
{
	late_deadline_ns = 0;
	context = toy_sessions_context();
	cr_assert(ringcast_association_table_init(&table, CAPACITY, CAPACITY, 7));
}

static void tear_down(void)
{
	ringcast_association_table_fini(&table);
	ringcast_crypto_context_release(&context);
}

TestSuite(association, .init = set_up, .fini = tear_down);

static struct address address_v4(uint8_t host, uint16_t port)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, .port = port};
}

static struct address address_v6(uint8_t subnet, uint8_t host)
{
	return (struct address){.ip = {0x20, 0x01, [7] = subnet, [15] = host}, .port = 5000};
}

static struct association *open_one(const struct address *address, uint8_t port_index)
{
	struct association *association = ringcast_association_open(&table, address, port_index, toy_sessions_open(context));
	cr_assert(association != NULL);
	association->deadline_ns = 100;
	return association;
}

static void identify(struct association *association)
{
	association->state = ASSOCIATION_ANONYMOUS;
	ringcast_association_identify(&table, association, 99);
}

static enum drop_reason may_open(struct address address, uint32_t half_open_max, uint32_t per_address_max)
{
	struct association_bounds bounds = {half_open_max, per_address_max, late_deadline_ns};
	return ringcast_association_may_open(&table, &address, 0, &bounds, &victim);
}

Test(association, is_found_by_address_port_and_our_port)
{
	struct address here = address_v4(1, 5000), other_port = address_v4(1, 5001), other_host = address_v4(2, 5000);
	struct association *association = open_one(&here, 3);
	cr_assert_eq(ringcast_association_find(&table, &here, 3), association);
	cr_assert_null(ringcast_association_find(&table, &here, 2));
	cr_assert_null(ringcast_association_find(&table, &other_port, 3));
	cr_assert_null(ringcast_association_find(&table, &other_host, 3));
	ringcast_association_close(&table, association);
	cr_assert_null(ringcast_association_find(&table, &here, 3));
}

Test(association, half_open_ones_are_bounded_in_total)
{
	struct address a = address_v4(1, 1), b = address_v4(2, 1);
	open_one(&a, 0);
	cr_assert_eq(may_open(address_v4(3, 1), 2, 9), DROP_NONE);
	struct association *second = open_one(&b, 0);
	cr_assert_eq(may_open(address_v4(3, 1), 2, 9), DROP_HALF_OPEN_LIMIT);
	identify(second);
	cr_assert_eq(table.half_open.count, 1);
	cr_assert_eq(may_open(address_v4(3, 1), 2, 9), DROP_NONE, "who is identified is no longer half-open");
}

/* Whoever has most gives, however short it has been there; an only one goes only after its time, and then the oldest does. */
Test(association, at_the_bound_the_largest_holder_gives_its_oldest)
{
	struct address hog = address_v4(1, 1), hog_too = address_v4(1, 2), hog_three = address_v4(1, 3), other = address_v4(2, 1);
	open_one(&other, 0);
	struct association *oldest = open_one(&hog, 0);
	open_one(&hog_too, 0);
	open_one(&hog_three, 0);
	cr_assert_eq(may_open(address_v4(3, 1), 4, 9), DROP_NONE);
	cr_assert_eq(victim, oldest);
	cr_assert_eq(may_open(address_v4(1, 4), 4, 9), DROP_HALF_OPEN_LIMIT, "its own have just come");
	late_deadline_ns = 100;
	cr_assert_eq(may_open(address_v4(1, 4), 4, 9), DROP_NONE);
	cr_assert_eq(victim, oldest);
	cr_assert_eq(may_open(address_v4(3, 1), 9, 9), DROP_NONE);
	cr_assert_null(victim);
}

Test(association, an_only_one_goes_after_its_time_and_not_for_somebodys_second)
{
	struct address a = address_v4(1, 1), b = address_v4(2, 1);
	struct association *first = open_one(&a, 0), *second = open_one(&b, 0);
	cr_assert_eq(may_open(address_v4(3, 1), 2, 9), DROP_HALF_OPEN_LIMIT);
	cr_assert_null(victim);
	late_deadline_ns = 100;
	cr_assert_eq(may_open(address_v4(3, 1), 2, 9), DROP_NONE);
	cr_assert_eq(victim, first);
	cr_assert_eq(may_open(address_v4(2, 2), 2, 9), DROP_NONE);
	cr_assert_eq(victim, second, "it gives up its own");
}

Test(association, at_its_own_bound_an_address_gives_its_own_oldest)
{
	struct address a = address_v4(1, 1), b = address_v4(1, 2), other = address_v4(2, 1);
	open_one(&other, 0);
	struct association *first = open_one(&a, 0);
	open_one(&b, 0);
	late_deadline_ns = 100;
	cr_assert_eq(may_open(address_v4(1, 3), 9, 2), DROP_NONE);
	cr_assert_eq(victim, first);
}

Test(association, there_is_no_more_room_than_the_table_was_made_for)
{
	struct association_table small;
	struct address a = address_v4(1, 1), b = address_v4(2, 1);
	cr_assert(ringcast_association_table_init(&small, CAPACITY, 1, 7));
	cr_assert_not_null(ringcast_association_open(&small, &a, 0, toy_sessions_open(context)));
	struct crypto_session *session = toy_sessions_open(context);
	cr_assert_null(ringcast_association_open(&small, &b, 0, session));
	ringcast_crypto_free(&session); /* it stayed ours */
	ringcast_association_table_fini(&small);
}

Test(association, half_open_ones_are_bounded_per_address)
{
	struct address first = address_v4(1, 1), second = address_v4(1, 2);
	open_one(&first, 0);
	open_one(&second, 0);
	cr_assert_eq(may_open(address_v4(1, 3), 9, 2), DROP_HALF_OPEN_LIMIT);
	cr_assert_eq(may_open(address_v4(2, 3), 9, 2), DROP_NONE);
}

Test(association, a_64_of_ipv6_counts_as_one_address)
{
	struct address first = address_v6(1, 1);
	open_one(&first, 0);
	cr_assert_eq(may_open(address_v6(1, 2), 9, 1), DROP_HALF_OPEN_LIMIT);
	cr_assert_eq(may_open(address_v6(2, 2), 9, 1), DROP_NONE);
}

Test(association, one_that_starts_again_does_not_count_against_itself)
{
	struct address here = address_v4(1, 1);
	struct association *association = open_one(&here, 0);
	cr_assert_eq(may_open(here, 1, 1), DROP_NONE);
	identify(association);
	cr_assert_eq(may_open(here, 1, 1), DROP_NONE);
	cr_assert_eq(may_open(here, 0, 1), DROP_HALF_OPEN_LIMIT, "an identified one frees no half-open place");
}

Test(association, a_full_table_takes_only_those_who_replace_one)
{
	struct address last = address_v4(CAPACITY, 1);
	for (uint8_t i = 1; i < CAPACITY; i++) {
		struct address address = address_v4(i, 1);
		identify(open_one(&address, 0));
	}
	open_one(&last, 0);
	cr_assert_eq(may_open(address_v4(100, 1), 9, 9), DROP_HALF_OPEN_LIMIT);
	cr_assert_eq(may_open(last, 9, 9), DROP_NONE);
	cr_assert_eq(may_open(address_v4(1, 1), 9, 9), DROP_HALF_OPEN_LIMIT, "who is identified is replaced by nobody's hello");
	struct address stranger = address_v4(100, 1);
	struct crypto_session *session = toy_sessions_open(context);
	cr_assert_null(ringcast_association_open(&table, &stranger, 0, session));
	ringcast_crypto_free(&session); /* it stayed ours */
}

Test(association, a_start_waits_beside_who_is_through_and_stands_when_that_one_is_gone)
{
	struct address here = address_v4(1, 1);
	struct association *old = open_one(&here, 0);
	cr_assert_eq(ringcast_association_replaced(&table, old), old);
	identify(old);
	cr_assert_null(ringcast_association_replaced(&table, old));
	struct association *fresh = open_one(&here, 0);
	cr_assert_eq(ringcast_association_find(&table, &here, 0), old);
	cr_assert_eq(ringcast_association_successor(&table, old), fresh);
	cr_assert_eq(ringcast_association_predecessor(&table, fresh), old);
	cr_assert_eq(ringcast_association_replaced(&table, old), fresh);
	ringcast_association_close(&table, old);
	cr_assert_eq(ringcast_association_find(&table, &here, 0), fresh);
	cr_assert_null(ringcast_association_predecessor(&table, fresh));
	ringcast_association_close(&table, fresh);
	cr_assert_null(ringcast_association_find(&table, &here, 0));
}

Test(association, a_start_that_fails_leaves_the_one_beside_it_alone)
{
	struct address here = address_v4(1, 1);
	struct association *old = open_one(&here, 0);
	identify(old);
	ringcast_association_close(&table, open_one(&here, 0));
	cr_assert_eq(ringcast_association_find(&table, &here, 0), old);
	cr_assert_null(ringcast_association_successor(&table, old));
	cr_assert_eq(table.half_open.count, 0);
	cr_assert_eq(may_open(here, 0, 1), DROP_HALF_OPEN_LIMIT);
}

Test(association, hellos_are_remembered_over_replacements)
{
	struct address here = address_v4(1, 1);
	uint64_t before[ASSOCIATION_HELLOS_MAX] = {0};
	for (uint64_t hello = 1; hello <= 6; hello++) {
		struct association *association = open_one(&here, 0);
		ringcast_association_begin(association, hello, before);
		for (uint64_t old = 1; old <= 6; old++)
			cr_assert_eq(ringcast_association_has_seen(association, old), old <= hello && old + ASSOCIATION_HELLOS_MAX > hello, "%d in %d",
				     (int)old, (int)hello);
		memcpy(before, association->hello_hashes, sizeof(before));
		ringcast_association_close(&table, association);
	}
}

/* Many random openings, identifications and closings against plain arrays. */
Test(association, counts_agree_with_a_simple_model)
{
	struct { bool is_open, is_identified; } model[16] = {0};
	struct prng prng;
	ringcast_prng_init(&prng, 20260101);
	for (int round = 0; round < 20000; round++) {
		uint8_t i = (uint8_t)ringcast_prng_below(&prng, 16);
		struct address address = address_v4((uint8_t)(i % 4), (uint16_t)(i / 4));
		struct association *association = ringcast_association_find(&table, &address, 0);
		check((association != NULL) == model[i].is_open, "round %d", round);
		if (association == NULL && table.associations.count < CAPACITY) {
			open_one(&address, 0);
			model[i].is_open = true;
		} else if (association != NULL && !model[i].is_identified && ringcast_prng_chance(&prng, 1, 2)) {
			identify(association);
			model[i].is_identified = true;
		} else if (association != NULL) {
			ringcast_association_close(&table, association);
			model[i].is_open = model[i].is_identified = false;
		}
		uint32_t half_open = 0, per_host[4] = {0}, hosts = 0;
		for (int k = 0; k < 16; k++)
			if (model[k].is_open && !model[k].is_identified)
				half_open++, hosts += per_host[k % 4]++ == 0;
		check(table.half_open.count == half_open, "round %d", round);
		check(table.half_open.crowds.count == hosts, "round %d", round);
		check(may_open(address_v4(0, 77), 99, per_host[0] + 1) == (table.associations.count < CAPACITY ? DROP_NONE : DROP_HALF_OPEN_LIMIT), "round %d", round);
		check(may_open(address_v4(0, 77), 99, per_host[0]) == DROP_HALF_OPEN_LIMIT, "round %d", round);
	}
}
