/* Provided buffers: ordinary memory for the bytes, one small registered ring of descriptors (only that counts as locked memory). */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/pages.h"
#include "io/io_uring_impl.h"

/*
 * The kernel takes buffers in turn, so every one it has is touched sooner or later. It is given a few, and as many again each time they ran
 * out: a shard of idle connections keeps a small working set, a loaded one reaches the whole within a few turns. When they have not run out for
 * a while, and nobody waits for one, half of what it has beyond the first few is kept back as it comes in, and its pages go to the system.
 */
enum { PROVIDED_FIRST = 16, CALM_S = 2 };

static uint32_t power_of_two_at_least(uint32_t value)
{
	uint32_t result = 1;
	while (result < value)
		result *= 2;
	return result;
}

static void provide(struct uring_group *group, uint32_t index)
{
	uint8_t *data = group->memory + (size_t)index * group->stride_bytes;
	ringcast_pages_hide(data, group->stride_bytes);
	io_uring_buf_ring_add(group->ring, data, group->buffer_bytes, (unsigned short)index, (int)group->entry_count - 1, 0);
	io_uring_buf_ring_advance(group->ring, 1);
}

static void provide_up_to(struct uring_group *group, uint32_t goal)
{
	for (; group->provided_count < goal; group->provided_count++)
		provide(group, group->idle_count > 0 ? group->idle[--group->idle_count] : group->touched_count++);
}

static int allocate(struct uring_group *group)
{
	group->ring = ringcast_pages_reserve(group->ring_bytes);
	group->memory = ringcast_pages_reserve(group->memory_bytes);
	group->is_held = calloc(group->count, 1);
	group->idle = calloc(group->count, sizeof(*group->idle));
	return group->ring && group->memory && group->is_held && group->idle ? 0 : -ENOMEM;
}

int ringcast_uring_group_init(struct uring *u, enum uring_group_id id, uint32_t count, uint32_t buffer_bytes)
{
	struct uring_group *group = &u->groups[id];
	ringcast_list_init(&group->starved);
	if (count == 0)
		return 0; /* an io without streams, or without datagrams */
	ringcast_assert(buffer_bytes > 0);
	ringcast_assert(count <= 32768); /* the kernel's limit */
	group->count = count;
	group->entry_count = power_of_two_at_least(count);
	group->buffer_bytes = buffer_bytes;
	group->stride_bytes = (buffer_bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
	group->ring_bytes = group->entry_count * sizeof(struct io_uring_buf);
	group->memory_bytes = (size_t)count * group->stride_bytes;
	int result = allocate(group);
	if (result == 0)
		result = ringcast_uring_register_buffers(&u->ring, group->ring, group->entry_count, (uint16_t)id);
	uint32_t first = u->options.buffers_first != 0 ? u->options.buffers_first : PROVIDED_FIRST;
	group->first_count = first < count ? first : count;
	group->can_shrink = group->stride_bytes % (uint32_t)sysconf(_SC_PAGESIZE) == 0; /* else a page is several buffers' */
	if (result == 0)
		provide_up_to(group, group->first_count);
	return result;
}

void ringcast_uring_group_starve(struct uring *u, enum uring_group_id id)
{
	struct uring_group *group = &u->groups[id];
	group->is_growth_due = true;
	if (group->provided_count == group->count)
		u->stats.rx_buffers_empty++;
}

static void shrink(struct uring_group *group, uint64_t now_ns)
{
	group->surplus_count = (group->provided_count - group->first_count + 1) / 2;
	group->calm_ns = now_ns + CALM_S * NS_PER_S;
}

/* Who waits for a buffer does not meet the empty ring again, however long all of them are held: that is no calm. */
static bool is_calm(const struct uring_group *group, uint64_t now_ns)
{
	return group->provided_count > group->first_count && now_ns >= group->calm_ns && group->can_shrink && ringcast_list_is_empty(&group->starved);
}

void ringcast_uring_group_adapt(struct uring_group *group, uint64_t now_ns)
{
	uint32_t goal = group->provided_count * 2 < group->count ? group->provided_count * 2 : group->count;
	if (!group->is_growth_due) {
		if (UNLIKELY(is_calm(group, now_ns)))
			shrink(group, now_ns);
		return;
	}
	group->is_growth_due = false;
	group->surplus_count = 0;
	group->calm_ns = now_ns + CALM_S * NS_PER_S;
	provide_up_to(group, goal);
}

void ringcast_uring_group_fini(struct uring_group *group)
{
	ringcast_pages_release(group->ring, group->ring_bytes);
	ringcast_pages_release(group->memory, group->memory_bytes);
	free(group->is_held);
	free(group->idle);
	*group = (struct uring_group){0};
}

uint8_t *ringcast_uring_group_take(struct uring_group *group, uint32_t index)
{
	ringcast_assert(index < group->count);
	ringcast_assert(!group->is_held[index]);
	group->is_held[index] = true;
	group->held_count++;
	uint8_t *data = group->memory + (size_t)index * group->stride_bytes;
	ringcast_pages_unhide(data, group->stride_bytes);
	return data;
}

static void keep_back(struct uring_group *group, uint32_t index)
{
	uint8_t *data = group->memory + (size_t)index * group->stride_bytes;
	group->surplus_count--;
	group->provided_count--;
	group->idle[group->idle_count++] = index;
	madvise(data, group->stride_bytes, MADV_DONTNEED); /* if it fails they stay ours */
	ringcast_pages_hide(data, group->stride_bytes);
}

void ringcast_uring_group_give(struct uring_group *group, uint32_t index)
{
	ringcast_assert(index < group->count);
	ringcast_assert(group->is_held[index]); /* released twice, or never an event's */
	group->is_held[index] = false;
	group->held_count--;
#ifdef RINGCAST_SLOW_ASSERTS
	memset(group->memory + (size_t)index * group->stride_bytes, 0xdb, group->stride_bytes);
#endif
	if (UNLIKELY(group->surplus_count > 0))
		keep_back(group, index);
	else
		provide(group, index);
}
