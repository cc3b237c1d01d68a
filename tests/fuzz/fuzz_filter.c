/* Search expressions: what is taken holds only what its bounds allow, and asking twice gives the same answer; what is refused says where. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "service/search/filter.h"

static const char *text_of(void *context, enum filter_operand operand, const char *key)
{
	ringcast_assert(key != NULL && operand <= FILTER_PROPERTY);
	return *key == 'm' ? "ctf" : operand == FILTER_PROPERTY ? NULL : "name";
}

static double number_of(void *context, enum filter_operand operand)
{
	ringcast_assert(operand > FILTER_PROPERTY);
	return operand == FILTER_HAS_ROOM ? 1 : 3;
}

static const struct filter_subject subject = {NULL, text_of, number_of};

static void check_problem(const char *problem)
{
	ringcast_assert(memchr(problem, '\0', FILTER_PROBLEM_BYTES) != NULL && strncmp(problem, "character ", 10) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter *filter = malloc(sizeof(*filter));
	struct filter_sort sort;
	char problem[FILTER_PROBLEM_BYTES], *text = strndup((const char *)data, size);
	ringcast_assert(text != NULL && filter != NULL);
	if (ringcast_filter_read(text, filter, problem))
		ringcast_assert(ringcast_filter_passes(filter, &subject) == ringcast_filter_passes(filter, &subject));
	else
		check_problem(problem);
	if (ringcast_filter_sort_read(text, &sort, problem))
		ringcast_assert(ringcast_filter_sort_compare(&sort, &subject, &subject) == 0);
	else
		check_problem(problem);
	free(text);
	free(filter);
	return 0;
}
