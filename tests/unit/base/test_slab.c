#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/prng.h"
#include "base/slab.h"
#include "tests/unit/base/check.h"

struct item {
	uint64_t stamp;
	uint8_t filler[56];
};

#define CAPACITY 50
#define STALE_COUNT 64

/* The model: which handle holds which stamp, and some handles that are stale for good. */
struct model {
	handle live[CAPACITY];
	uint64_t stamps[CAPACITY];
	uint32_t live_count;
	handle stale[STALE_COUNT];
	uint32_t stale_count;
};

static bool is_zero(const struct item *item)
{
	static const struct item zero;
	return memcmp(item, &zero, sizeof(zero)) == 0;
}

static void model_alloc(struct slab *slab, struct model *model, struct prng *prng)
{
	handle h = HANDLE_NONE;
	struct item *item = ringcast_slab_alloc(slab, &h);
	check((item == NULL) == (model->live_count == CAPACITY), "full and only full refuses");
	if (item == NULL) {
		check(h == HANDLE_NONE, "ret_handle is untouched on failure");
		return;
	}
	check(is_zero(item), "object is zeroed");
	for (uint32_t i = 0; i < model->live_count; i++)
		check(model->live[i] != h, "handle is in use already");
	memset(item, 0xAA, sizeof(*item));
	item->stamp = ringcast_prng_next(prng);
	model->live[model->live_count] = h;
	model->stamps[model->live_count++] = item->stamp;
}

static void model_free(struct slab *slab, struct model *model, struct prng *prng)
{
	if (model->live_count == 0)
		return;
	uint32_t i = (uint32_t)ringcast_prng_below(prng, model->live_count);
	ringcast_slab_free(slab, model->live[i]);
	model->stale[model->stale_count++ % STALE_COUNT] = model->live[i];
	model->live_count--;
	model->live[i] = model->live[model->live_count];
	model->stamps[i] = model->stamps[model->live_count];
}

static void model_compare(const struct slab *slab, const struct model *model)
{
	check(slab->count == model->live_count, "count");
	for (uint32_t i = 0; i < model->live_count; i++) {
		struct item *item = ringcast_slab_find(slab, model->live[i]);
		check(item != NULL && item->stamp == model->stamps[i], "live handle finds its object");
	}
	for (uint32_t i = 0; i < model->stale_count && i < STALE_COUNT; i++)
		check(ringcast_slab_find(slab, model->stale[i]) == NULL, "stale handle finds nothing");
	uint32_t seen = 0;
	for (uint32_t i = 0; i < slab->high_water; i++) {
		handle h;
		void *object = ringcast_slab_at(slab, i, &h);
		seen += object != NULL;
		check(object == NULL || ringcast_slab_find(slab, h) == object, "at and find agree");
	}
	check(seen == model->live_count, "iteration sees each object once");
}

Test(slab, behaves_like_a_set_of_handles)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct prng prng;
		struct slab slab;
		struct model model = {.live_count = 0};
		ringcast_prng_init(&prng, seed);
		check(ringcast_slab_init(&slab, sizeof(struct item), CAPACITY), "seed %lu", seed);
		for (unsigned step = 0; step < 2000; step++) {
			/* Phases of growth and of decline, so that both ends are reached. */
			if (ringcast_prng_chance(&prng, step / 250 % 2 == 0 ? 7 : 3, 10))
				model_alloc(&slab, &model, &prng);
			else
				model_free(&slab, &model, &prng);
			model_compare(&slab, &model);
		}
		ringcast_slab_fini(&slab);
	}
}

Test(slab, the_slot_freed_last_is_used_first)
{
	struct slab slab;
	handle handles[3], again;
	cr_assert(ringcast_slab_init(&slab, sizeof(struct item), 8));
	for (unsigned i = 0; i < 3; i++)
		cr_assert_not_null(ringcast_slab_alloc(&slab, &handles[i]));
	ringcast_slab_free(&slab, handles[0]);
	ringcast_slab_free(&slab, handles[2]);
	cr_assert_not_null(ringcast_slab_alloc(&slab, &again));
	cr_assert_eq(ringcast_handle_index(again), 2);
	cr_assert_eq(ringcast_handle_generation(again), ringcast_handle_generation(handles[2]) + 2);
	cr_assert_not_null(ringcast_slab_alloc(&slab, &again));
	cr_assert_eq(ringcast_handle_index(again), 0);
	cr_assert_eq(slab.high_water, 3);
	ringcast_slab_fini(&slab);
}

Test(slab, forged_handles_find_nothing)
{
	struct slab slab;
	handle h;
	cr_assert(ringcast_slab_init(&slab, sizeof(struct item), 4));
	cr_assert_not_null(ringcast_slab_alloc(&slab, &h));
	static const uint32_t cases[][2] = {{0, 0}, {0, 2}, {0, 3}, {1, 1}, {3, 0}, {4, 1}, {UINT32_MAX, 1}, {UINT32_MAX, UINT32_MAX}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		cr_assert_null(ringcast_slab_find(&slab, ringcast_handle_of(cases[i][0], cases[i][1])), "case %zu", i);
	cr_assert_not_null(ringcast_slab_find(&slab, h));
	ringcast_slab_fini(&slab);
}

Test(slab, generations_wrap_to_valid_ones)
{
	struct slab slab;
	handle h;
	cr_assert(ringcast_slab_init(&slab, sizeof(struct item), 1));
	cr_assert_not_null(ringcast_slab_alloc(&slab, &h));
	slab.generations[0] = UINT32_MAX; /* as after 2^31 uses of the slot */
	handle last = ringcast_handle_of(0, UINT32_MAX);
	cr_assert_not_null(ringcast_slab_find(&slab, last));
	ringcast_slab_free(&slab, last);
	cr_assert_null(ringcast_slab_find(&slab, last));
	cr_assert_null(ringcast_slab_find(&slab, HANDLE_NONE));
	cr_assert_not_null(ringcast_slab_alloc(&slab, &h));
	cr_assert_eq(ringcast_handle_generation(h), 1);
	ringcast_slab_fini(&slab);
}

/* mincore tells which pages are there. AddressSanitizer's own bookkeeping does not touch them either. */
Test(slab, untouched_slots_cost_no_memory)
{
	struct slab slab;
	handle h;
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t capacity = 100000;
	cr_assert(ringcast_slab_init(&slab, sizeof(struct item), capacity));
	cr_assert_not_null(ringcast_slab_alloc(&slab, &h));
	size_t page_count = sizeof(struct item) * capacity / page_bytes;
	unsigned char resident[2000];
	cr_assert_leq(page_count, sizeof(resident));
	cr_assert_eq(mincore(slab.objects, page_count * page_bytes, resident), 0);
	size_t resident_count = 0;
	for (size_t i = 0; i < page_count; i++)
		resident_count += resident[i] & 1;
	cr_assert_leq(resident_count, page_count / 2); /* one page; more where pages are huge */
	ringcast_slab_fini(&slab);
}

Test(slab, memory_that_cannot_be_had_is_reported)
{
	struct slab slab;
	cr_assert_not(ringcast_slab_init(&slab, SIZE_MAX / 2, 4)); /* product overflows */
	cr_assert_not(ringcast_slab_init(&slab, (size_t)1 << 40, 1 << 20));
}

Test(slab, freeing_twice_aborts, .signal = SIGABRT)
{
	struct slab slab;
	handle h;
	if (!ringcast_slab_init(&slab, sizeof(struct item), 4) || ringcast_slab_alloc(&slab, &h) == NULL)
		return;
	ringcast_slab_free(&slab, h);
	ringcast_slab_free(&slab, h);
}
