#include "io/local.h"

#include "base/assert.h"
#include "base/hash.h"

static bool is_empty(const struct local *local)
{
	static const struct local none;
	return memcmp(local, &none, sizeof(none)) == 0;
}

io_local ringcast_local_number(struct local_table *table, const struct local *local)
{
	uint64_t slot = ringcast_hash_bytes(local, sizeof(*local), 0) % LOCAL_SLOT_COUNT;
	if (is_empty(local))
		return 0;
	for (; !is_empty(&table->slots[slot]); slot = (slot + 1) % LOCAL_SLOT_COUNT)
		if (memcmp(&table->slots[slot], local, sizeof(*local)) == 0)
			return (io_local)(slot + 1);
	if (table->count == LOCAL_COUNT_MAX)
		return 0;
	table->slots[slot] = *local;
	table->count++;
	return (io_local)(slot + 1);
}

const struct local *ringcast_local_of(const struct local_table *table, io_local number)
{
	ringcast_assert(number <= LOCAL_SLOT_COUNT);
	return number == 0 ? NULL : &table->slots[number - 1];
}

struct local ringcast_local_read(const struct local_table *table, io_local number)
{
	const struct local *local = ringcast_local_of(table, number);
	return local != NULL ? *local : (struct local){0};
}

static uint64_t key_of(const struct address *receiver)
{
	return ringcast_hash_bytes(receiver->ip, sizeof(receiver->ip), 0) | 1;
}

/* One that takes another's slot costs the other a refusal, after which it is known again. */
void ringcast_refusal_note(struct refusal_table *table, const struct address *receiver, uint64_t now_ns)
{
	uint64_t key = key_of(receiver);
	table->last_until_ns = now_ns + REFUSAL_NS;
	table->slots[(key >> 1) % REFUSAL_SLOT_COUNT].key = key;
	table->slots[(key >> 1) % REFUSAL_SLOT_COUNT].until_ns = table->last_until_ns;
}

bool ringcast_refusal_holds(const struct refusal_table *table, const struct address *receiver, uint64_t now_ns)
{
	if (now_ns >= table->last_until_ns)
		return false;
	uint64_t key = key_of(receiver);
	return table->slots[(key >> 1) % REFUSAL_SLOT_COUNT].key == key && now_ns < table->slots[(key >> 1) % REFUSAL_SLOT_COUNT].until_ns;
}
