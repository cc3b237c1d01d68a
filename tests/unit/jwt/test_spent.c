/* Tokens for one login: remembered until they have expired, within bounds. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "jwt/spent.h"

enum { NOW_S = 1000 };

static void spend(struct jwt_spent *spent, const char *once, uint64_t expires_s)
{
	cr_assert_eq(ringcast_jwt_spent_check(spent, "k", once, expires_s, NOW_S), DROP_NONE);
	ringcast_jwt_spent_add(spent, "k", once, expires_s);
}

Test(spent, a_token_is_good_once_and_anothers_id_is_another_token)
{
	struct jwt_spent spent;
	cr_assert(ringcast_jwt_spent_init(&spent, 8, 1));
	spend(&spent, "a", 2000);
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", "a", 2000, NOW_S), DROP_TOKEN_SPENT);
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "j", "a", 2000, NOW_S), DROP_NONE);
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", "b", 2000, NOW_S), DROP_NONE);
	ringcast_jwt_spent_fini(&spent);
}

Test(spent, what_lives_is_never_forgotten_for_a_newcomer)
{
	struct jwt_spent spent;
	char once[16];
	cr_assert(ringcast_jwt_spent_init(&spent, 100, 1));
	for (unsigned i = 0; i < 100; i++) {
		snprintf(once, sizeof(once), "%u", i);
		spend(&spent, once, i == 70 ? 1500 : 2000);
	}
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", "new", 2000, NOW_S), DROP_TOKEN_MEMORY);
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", "70", 2000, NOW_S), DROP_TOKEN_SPENT);
	for (unsigned i = 0; i < 2 && ringcast_jwt_spent_check(&spent, "k", "new", 2000, 1500) != DROP_NONE; i++)
		;
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", "new", 2000, 1500), DROP_NONE);
	ringcast_jwt_spent_add(&spent, "k", "new", 2000);
	cr_assert_eq(ringcast_jwt_spent_count(&spent), 100);
	ringcast_jwt_spent_fini(&spent);
}

Test(spent, time_makes_room_for_any_number)
{
	struct jwt_spent spent;
	char once[16];
	cr_assert(ringcast_jwt_spent_init(&spent, 16, 1));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(once, sizeof(once), "%u", i);
		cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", once, NOW_S + i + 10, NOW_S + i), DROP_NONE, "%u", i);
		ringcast_jwt_spent_add(&spent, "k", once, NOW_S + i + 10);
	}
	ringcast_jwt_spent_fini(&spent);
}

Test(spent, a_clock_that_is_set_back_makes_nothing_good_again)
{
	struct jwt_spent spent;
	cr_assert(ringcast_jwt_spent_init(&spent, 1, 1));
	spend(&spent, "a", 2000);
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", "b", 9000, 5000), DROP_NONE, "the clock is ahead: a is past, and makes room");
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", "a", 2000, NOW_S), DROP_TOKEN_SPENT, "and now it is right again");
	cr_assert_eq(ringcast_jwt_spent_check(&spent, "k", "b", 2001, NOW_S), DROP_NONE);
	ringcast_jwt_spent_fini(&spent);
}
