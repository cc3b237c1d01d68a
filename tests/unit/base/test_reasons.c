/* close.def, drop.def: the lists that several parts of the engine are made from. */
#include <ctype.h>
#include <signal.h>

#include "base/close.h"
#include "base/drop.h"
#include "tests/unit/base/check.h"

/* As Prometheus label values and in documentation: lower case, digits, underscores. */
static bool is_label(const char *label)
{
	if (label == NULL || label[0] == 0)
		return false;
	for (const char *c = label; *c != 0; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			return false;
	return true;
}

Test(reasons, every_drop_reason_has_its_own_label_and_a_text)
{
	for (int i = 0; i < DROP_REASON_COUNT; i++) {
		const char *label = ringcast_drop_label((enum drop_reason)i);
		cr_assert(is_label(label), "reason %d", i);
		cr_assert_gt(strlen(ringcast_drop_text((enum drop_reason)i)), 0);
		for (int k = 0; k < i; k++)
			check(strcmp(label, ringcast_drop_label((enum drop_reason)k)) != 0, "%s twice", label);
	}
	cr_assert_str_eq(ringcast_drop_label(DROP_NONE), "none");
	cr_assert_str_eq(ringcast_drop_label(DROP_OUTQ_FULL), "outq_full");
}

Test(reasons, every_close_reason_has_its_own_label_a_text_and_a_legal_code)
{
	for (int i = 0; i < CLOSE_REASON_COUNT; i++) {
		enum close_reason reason = (enum close_reason)i;
		uint16_t code = ringcast_close_code(reason);
		cr_assert(is_label(ringcast_close_label(reason)), "reason %d", i);
		cr_assert_gt(strlen(ringcast_close_text(reason)), 0);
		/* RFC 6455, 7.4: what may stand in a close frame. 1004 to 1006 and 1015 may not. */
		bool is_standard = code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
		cr_assert(code == 0 || is_standard || (code >= 3000 && code <= 3999), "%s has code %u", ringcast_close_label(reason), code);
		for (int k = 0; k < i; k++) {
			check(strcmp(ringcast_close_label(reason), ringcast_close_label((enum close_reason)k)) != 0, "reason %d twice", i);
			/* Of those below 3000 several reasons may share what RFC 6455 gives; ours tell a client which it was. */
			check(code < 3000 || code != ringcast_close_code((enum close_reason)k), "code %u twice", code);
		}
	}
	cr_assert_eq(ringcast_close_code(CLOSE_NONE), 0);
	cr_assert_eq(ringcast_close_code(CLOSE_OVERSIZE), 1009);
}

/* Whoever is closed knows by the code alone why: those of the standard stand for kinds, ours for one reason each. */
Test(reasons, no_two_close_reasons_share_a_code_of_ours)
{
	for (int i = 0; i < CLOSE_REASON_COUNT; i++)
		for (int k = 0; k < i; k++)
			check(ringcast_close_code((enum close_reason)i) < 3000 ||
				      ringcast_close_code((enum close_reason)i) != ringcast_close_code((enum close_reason)k),
			      "%s and %s", ringcast_close_label((enum close_reason)i), ringcast_close_label((enum close_reason)k));
}

Test(reasons, no_such_drop_reason_aborts, .signal = SIGABRT)
{
	(void)ringcast_drop_label(DROP_REASON_COUNT);
}

Test(reasons, no_such_close_reason_aborts, .signal = SIGABRT)
{
	(void)ringcast_close_code(CLOSE_REASON_COUNT);
}
