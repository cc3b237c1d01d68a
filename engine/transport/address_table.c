#include "transport/address_table.h"

#include "base/assert.h"
#include "base/hash.h"

enum { SWEEP_COUNT = 4, FULL_SWEEP_COUNT = 64 };

bool ringcast_address_table_init(struct address_table *table, uint32_t capacity, uint64_t seed)
{
	*table = (struct address_table){.seed = seed};
	if (!ringcast_slab_init(&table->entries, sizeof(struct address_entry), capacity))
		return false;
	if (ringcast_map_init(&table->by_key, capacity))
		return true;
	ringcast_slab_fini(&table->entries);
	return false;
}

void ringcast_address_table_fini(struct address_table *table)
{
	ringcast_map_fini(&table->by_key);
	ringcast_slab_fini(&table->entries);
}

/* A /64 is one subscriber in IPv6: limiting single addresses there would limit nobody. */
static uint64_t key_of(const struct address_table *table, const struct address *address)
{
	return ringcast_hash_bytes(address->ip, ringcast_address_is_v4(address) ? 16 : 8, table->seed) | 1;
}

static struct address_entry *find_entry(const struct address_table *table, uint64_t key)
{
	return ringcast_slab_find(&table->entries, ringcast_map_find(&table->by_key, key));
}

/*
 * Frees a few entries that nobody uses any more; amortised over the arrivals that would need them. In need also those whose rate is still to be
 * remembered: somebody with many addresses could hold the whole table with them.
 */
static void sweep(struct address_table *table, unsigned count, uint64_t older_than_ns)
{
	for (unsigned i = 0; i < count && table->entries.high_water > 0; i++) {
		handle h;
		uint32_t index = table->sweep_index++ % table->entries.high_water;
		struct address_entry *entry = ringcast_slab_at(&table->entries, index, &h);
		if (entry == NULL || entry->connection_count > 0 || entry->handshakes.updated_ns > older_than_ns || entry->fanout.updated_ns > older_than_ns)
			continue;
		ringcast_map_remove(&table->by_key, entry->key);
		ringcast_slab_free(&table->entries, h);
	}
}

static struct address_entry *add_entry(struct address_table *table, uint64_t key)
{
	handle h;
	struct address_entry *entry = ringcast_slab_alloc(&table->entries, &h);
	if (entry == NULL)
		return NULL;
	entry->key = key;
	bool is_added = ringcast_map_add(&table->by_key, key, h);
	ringcast_assert(is_added); /* the map has the slab's capacity */
	return entry;
}

enum drop_reason ringcast_address_table_open(struct address_table *table, const struct address *address, uint32_t connections_max,
					     uint32_t handshakes_per_second, uint64_t now_ns)
{
	uint64_t key = key_of(table, address);
	sweep(table, SWEEP_COUNT, now_ns > NS_PER_S ? now_ns - NS_PER_S : 0);
	struct address_entry *entry = find_entry(table, key);
	if (entry == NULL && table->entries.count == table->entries.capacity)
		sweep(table, FULL_SWEEP_COUNT, now_ns);
	if (entry == NULL)
		entry = add_entry(table, key);
	if (entry == NULL)
		return DROP_CONNECTION_LIMIT;
	if (!ringcast_ratelimit_take(&entry->handshakes, handshakes_per_second, 1, now_ns))
		return DROP_RATE_HANDSHAKES;
	if (connections_max != 0 && entry->connection_count >= connections_max)
		return DROP_ADDRESS_LIMIT;
	entry->connection_count++;
	entry->stranger_count++;
	return DROP_NONE;
}

void ringcast_address_table_settle(struct address_table *table, const struct address *address)
{
	struct address_entry *entry = find_entry(table, key_of(table, address));
	ringcast_assert(entry != NULL && entry->stranger_count > 0);
	entry->stranger_count--;
}

void ringcast_address_table_close(struct address_table *table, const struct address *address, bool is_settled)
{
	struct address_entry *entry = find_entry(table, key_of(table, address));
	ringcast_assert(entry != NULL);
	ringcast_assert(entry->connection_count > 0);
	entry->connection_count--;
	entry->stranger_count -= !is_settled;
	ringcast_assert(entry->stranger_count <= entry->connection_count);
}

void ringcast_address_table_remember(struct address_table *table, const struct address *address, struct ratelimit *left, uint64_t rate, uint64_t now_ns)
{
	struct address_entry *entry = find_entry(table, key_of(table, address));
	ringcast_assert(entry != NULL && entry->connection_count > 0);
	if (ringcast_ratelimit_is_below(left, &entry->fanout, rate, now_ns))
		entry->fanout = *left;
}

struct ratelimit ringcast_address_table_recall(const struct address_table *table, const struct address *address)
{
	const struct address_entry *entry = find_entry(table, key_of(table, address));
	ringcast_assert(entry != NULL);
	return entry->fanout;
}

struct address_crowd ringcast_address_table_crowd(const struct address_table *table, const struct address *address)
{
	const struct address_entry *entry = find_entry(table, key_of(table, address));
	if (entry == NULL)
		return (struct address_crowd){0};
	return (struct address_crowd){.stranger_count = entry->stranger_count, .has_players = entry->connection_count > entry->stranger_count};
}

void ringcast_address_table_know(struct address_table *table, const struct address *address, int change)
{
	struct address_entry *entry = find_entry(table, key_of(table, address));
	ringcast_assert(entry != NULL);
	ringcast_assert(change > 0 || entry->known_count > 0);
	entry->known_count += (uint32_t)change;
}

bool ringcast_address_table_take_hello(struct address_table *table, const struct address *address, uint32_t hellos_per_second, uint64_t now_ns)
{
	struct address_entry *entry = find_entry(table, key_of(table, address));
	return entry != NULL && entry->known_count > 0 && ringcast_ratelimit_take(&entry->hellos, hellos_per_second, 1, now_ns);
}

bool ringcast_address_table_take_token(struct address_table *table, const struct address *address, uint32_t tokens_per_second, uint64_t now_ns)
{
	struct address_entry *entry = find_entry(table, key_of(table, address));
	ringcast_assert(entry != NULL);
	return ringcast_ratelimit_take(&entry->tokens, tokens_per_second, 1, now_ns);
}
