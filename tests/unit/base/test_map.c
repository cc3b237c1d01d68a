#include <signal.h>

#include "base/map.h"
#include "base/prng.h"
#include "tests/unit/base/check.h"

/* The model: an array indexed by key. */
#define KEY_COUNT 300

static void model_compare(const struct map *map, const uint64_t *model, uint64_t stride, uint64_t seed)
{
	uint32_t count = 0;
	for (uint64_t k = 0; k < KEY_COUNT; k++) {
		check(ringcast_map_find(map, k * stride) == model[k], "seed %lu key %lu", seed, k);
		count += model[k] != 0;
	}
	check(map->count == count, "seed %lu", seed);
	uint32_t filled = 0;
	for (uint32_t i = 0; i < map->slot_count; i++)
		filled += map->slots[i].value != 0;
	check(filled == count, "seed %lu", seed);
}

static void model_step(struct map *map, uint64_t *model, struct prng *prng, uint64_t stride, uint64_t seed)
{
	uint64_t k = ringcast_prng_below(prng, KEY_COUNT);
	uint64_t value = 1 + ringcast_prng_below(prng, UINT64_MAX);
	bool has_room = map->count < map->capacity;
	switch (ringcast_prng_below(prng, 3)) {
	case 0:
		if (model[k] != 0)
			return;
		check(ringcast_map_add(map, k * stride, value) == has_room, "seed %lu", seed);
		model[k] = has_room ? value : 0;
		return;
	case 1:
		check(ringcast_map_set(map, k * stride, value) == (has_room || model[k] != 0), "seed %lu", seed);
		if (has_room || model[k] != 0)
			model[k] = value;
		return;
	default:
		check(ringcast_map_remove(map, k * stride) == (model[k] != 0), "seed %lu", seed);
		model[k] = 0;
	}
}

Test(map, behaves_like_an_array_of_values)
{
	/* Strides: dense keys, keys that differ in high bits only, keys like handles, and keys without pattern. */
	static const uint64_t strides[] = {1, UINT64_C(1) << 48, (UINT64_C(1) << 32) + 1, UINT64_C(0xD1B54A32D192ED03)};
	static const uint32_t capacities[] = {1, 2, 3, 100, 128, 200, KEY_COUNT};
	for (uint64_t seed = 1; seed <= 56; seed++) {
		uint64_t stride = strides[seed % ARRAY_COUNT(strides)];
		uint64_t model[KEY_COUNT] = {0};
		struct prng prng;
		struct map map;
		ringcast_prng_init(&prng, seed);
		check(ringcast_map_init(&map, capacities[seed % ARRAY_COUNT(capacities)]), "seed %lu", seed);
		for (unsigned step = 0; step < 4000; step++) {
			model_step(&map, model, &prng, stride, seed);
			if (step % 64 == 0)
				model_compare(&map, model, stride, seed);
		}
		model_compare(&map, model, stride, seed);
		ringcast_map_fini(&map);
	}
}

Test(map, full_map_refuses_new_keys_and_still_replaces)
{
	struct map map;
	cr_assert(ringcast_map_init(&map, 3));
	for (uint64_t key = 0; key < 3; key++)
		cr_assert(ringcast_map_add(&map, key, key + 10));
	cr_assert_not(ringcast_map_add(&map, 7, 1));
	cr_assert_not(ringcast_map_set(&map, 7, 1));
	cr_assert(ringcast_map_set(&map, 2, 99));
	cr_assert_eq(ringcast_map_find(&map, 2), 99);
	cr_assert_eq(ringcast_map_find(&map, 7), 0);
	cr_assert(ringcast_map_remove(&map, 0));
	cr_assert(ringcast_map_add(&map, 7, 1));
	ringcast_map_fini(&map);
}

Test(map, slots_are_a_power_of_two_and_at_least_twice_the_capacity)
{
	static const uint32_t capacities[] = {1, 2, 3, 4, 5, 1000, 1024, 1025};
	for (size_t i = 0; i < ARRAY_COUNT(capacities); i++) {
		struct map map;
		cr_assert(ringcast_map_init(&map, capacities[i]));
		cr_assert_geq(map.slot_count, 2 * capacities[i]);
		cr_assert_eq(map.slot_count & (map.slot_count - 1), 0);
		ringcast_map_fini(&map);
	}
}

/* Keys in strides must spread: a run as long as the table would make every lookup linear. */
Test(map, strided_keys_do_not_pile_up)
{
	for (unsigned shift = 0; shift < 54; shift++) {
		struct map map;
		cr_assert(ringcast_map_init(&map, 512));
		for (uint64_t k = 0; k < 512; k++)
			check(ringcast_map_add(&map, k << shift, 1), "shift %u", shift);
		uint32_t run = 0, run_max = 0;
		for (uint32_t i = 0; i < 2 * map.slot_count; i++) {
			run = map.slots[i % map.slot_count].value != 0 ? run + 1 : 0;
			run_max = run > run_max ? run : run_max;
		}
		check(run_max < 64, "shift %u: a run of %u slots", shift, run_max);
		ringcast_map_fini(&map);
	}
}

Test(map, equal_histories_give_equal_slot_order)
{
	struct map maps[2];
	for (unsigned m = 0; m < 2; m++) {
		struct prng prng;
		ringcast_prng_init(&prng, 5);
		cr_assert(ringcast_map_init(&maps[m], 64));
		for (unsigned step = 0; step < 1000; step++) {
			uint64_t key = ringcast_prng_below(&prng, 100);
			if (!ringcast_map_remove(&maps[m], key))
				ringcast_map_set(&maps[m], key, step + 1);
		}
	}
	cr_assert_arr_eq(maps[0].slots, maps[1].slots, maps[0].slot_count * sizeof(struct map_slot));
	ringcast_map_fini(&maps[0]);
	ringcast_map_fini(&maps[1]);
}

Test(map, a_reservation_beyond_the_machine_is_refused_or_costs_nothing)
{
	struct map map;
	if (!ringcast_map_init(&map, UINT32_C(1) << 30)) /* 32 GiB of slots */
		return;
	cr_assert(ringcast_map_add(&map, 1, 2));
	cr_assert_eq(ringcast_map_find(&map, 1), 2);
	ringcast_map_fini(&map);
}

Test(map, adding_a_present_key_aborts, .signal = SIGABRT)
{
	struct map map;
	if (ringcast_map_init(&map, 3) && ringcast_map_add(&map, 1, 1))
		ringcast_map_add(&map, 1, 2);
}

Test(map, a_value_of_zero_aborts, .signal = SIGABRT)
{
	struct map map;
	if (ringcast_map_init(&map, 3))
		ringcast_map_set(&map, 1, 0);
}
