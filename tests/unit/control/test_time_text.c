/* Moments as text. */
#include <criterion/criterion.h>

#include "control/time_text.h"

TestSuite(time_text, .timeout = 30);

Test(time_text, precision_and_bounds)
{
	static const struct {
		uint64_t seconds;
		uint32_t fraction_ns;
		enum time_precision precision;
		const char *text;
	} cases[] = {
		{0, 0, TIME_SECONDS, "1970-01-01T00:00:00Z"},
		{951827696, 7999999, TIME_MILLISECONDS, "2000-02-29T12:34:56.007Z"},
		{951827696, 7999999, TIME_MICROSECONDS, "2000-02-29T12:34:56.007999Z"},
		{951827696, 999999999, TIME_SECONDS, "2000-02-29T12:34:56Z"},
		{253402300799, 999999999, TIME_MICROSECONDS, "9999-12-31T23:59:59.999999Z"},
		{253402300800, 0, TIME_SECONDS, "9999-12-31T23:59:59Z"},
		{UINT64_MAX, 0, TIME_MILLISECONDS, "9999-12-31T23:59:59.000Z"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[TIME_TEXT_BYTES];
		ringcast_time_text(cases[i].seconds, cases[i].fraction_ns, cases[i].precision, text);
		cr_expect_str_eq(text, cases[i].text);
	}
}
