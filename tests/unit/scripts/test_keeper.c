/* The keeper of the sidecar's processes, where what it lives on fails. */
#include <criterion/criterion.h>
#include <sys/resource.h>
#include <time.h>

#include "ringcast/ringcast.h"
#include "sidecars/sidecars.h"

static int attach(void *context, uint32_t shard, uint32_t channel, uint64_t serial, int *fd)
{
	return RINGCAST_ERROR_STATE;
}

static void await_failures(struct sidecars *sidecars, uint64_t count)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	while (ringcast_sidecars_measure(sidecars).start_failures < count) /* the test's timeout ends it */
		nanosleep(&pause, NULL);
}

Test(keeper, goes_on_when_it_watches_more_than_it_may_have_open, .timeout = 60)
{
	struct sidecars_options options = {.process = {.script = "/no/such/script.js"}, .shard_count = 64, .channel_count = 1, .attach = attach};
	struct rlimit limit;
	struct sidecars *sidecars = ringcast_sidecars_create(&options);
	cr_assert_not_null(sidecars);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 32; /* poll refuses more than that, even where no descriptor is in them */
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert(ringcast_sidecars_want(sidecars, 0));
	await_failures(sidecars, 3);
	ringcast_sidecars_destroy(&sidecars);
}
