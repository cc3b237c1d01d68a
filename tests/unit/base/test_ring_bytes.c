#include <signal.h>

#include "base/prng.h"
#include "base/ring_bytes.h"
#include "tests/unit/base/check.h"

enum { MODEL_MAX = 4096 };

/* One thread plays both sides; the model is the sizes of what lies in the ring, and every byte of a record follows from its number. */
struct model {
	uint32_t sizes[MODEL_MAX];
	uint32_t pushed, popped;
};

static uint8_t byte_of(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 31 + i * 7);
}

static bool push(struct ring_bytes *ring, struct model *model, uint32_t size)
{
	uint8_t *record = ringcast_ring_bytes_begin(ring, size);
	if (record == NULL)
		return false;
	check(((uintptr_t)record & 7) == 0, "record %u is aligned", model->pushed);
	for (uint32_t i = 0; i < size; i++)
		record[i] = byte_of(model->pushed, i);
	ringcast_ring_bytes_end(ring);
	model->sizes[model->pushed++ % MODEL_MAX] = size;
	return true;
}

static void pop(struct ring_bytes *ring, struct model *model)
{
	uint32_t size = 0;
	const uint8_t *record = ringcast_ring_bytes_peek(ring, &size);
	check((record != NULL) == (model->pushed != model->popped), "record %u", model->popped);
	if (record == NULL)
		return;
	check(size == model->sizes[model->popped % MODEL_MAX], "record %u has %u bytes", model->popped, size);
	for (uint32_t i = 0; i < size; i++)
		check(record[i] == byte_of(model->popped, i), "record %u byte %u", model->popped, i);
	ringcast_ring_bytes_pop(ring);
	model->popped++;
}

static void play(uint32_t capacity, uint32_t start)
{
	static struct model model;
	struct ring_bytes ring;
	struct prng prng;
	uint32_t refused = 0;
	model = (struct model){0};
	ringcast_prng_init(&prng, capacity);
	cr_assert(ringcast_ring_bytes_init(&ring, capacity));
	ring.head = ring.tail = ring.head_cached = ring.tail_cached = start;
	for (unsigned step = 0; step < 50000; step++) {
		bool is_pushing = ringcast_prng_chance(&prng, step / 500 % 2 ? 7 : 3, 10);
		if (is_pushing)
			refused += !push(&ring, &model, (uint32_t)ringcast_prng_below(&prng, ringcast_ring_bytes_record_max(&ring) + 1));
		else
			pop(&ring, &model);
		check(ringcast_ring_bytes_is_empty(&ring) == (model.pushed == model.popped), "step %u", step);
	}
	check(refused > 100 && model.popped > 1000, "it was full %u times", refused);
	ringcast_ring_bytes_fini(&ring);
}

Test(ring_bytes, keeps_order_and_every_byte_of_records_of_any_size)
{
	play(256, 0);
	play(1 << 12, 0);
	play(1 << 16, 0);
}

Test(ring_bytes, counters_wrap_around)
{
	play(256, UINT32_MAX - 263); /* a multiple of 8, as after many records */
	play(1 << 12, UINT32_MAX - 4103);
}

/* However it lies in the memory, one more of the largest fits as soon as three quarters are free. */
Test(ring_bytes, largest_record_fits_an_empty_ring_wherever_it_begins)
{
	struct ring_bytes ring;
	uint32_t size;
	cr_assert(ringcast_ring_bytes_init(&ring, 1024));
	for (uint32_t start = 0; start < 1024; start += 8) {
		ring.head = ring.tail = ring.head_cached = ring.tail_cached = start;
		cr_assert_not_null(ringcast_ring_bytes_begin(&ring, ringcast_ring_bytes_record_max(&ring)));
		ringcast_ring_bytes_end(&ring);
		cr_assert_not_null(ringcast_ring_bytes_peek(&ring, &size));
		ringcast_ring_bytes_pop(&ring);
	}
	ringcast_ring_bytes_fini(&ring);
}

Test(ring_bytes, larger_records_are_the_callers_mistake, .signal = SIGABRT)
{
	struct ring_bytes ring;
	cr_assert(ringcast_ring_bytes_init(&ring, 1024));
	cr_assert_not_null(ringcast_ring_bytes_begin(&ring, 257));
}
