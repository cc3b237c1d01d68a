#include "transport/association.h"

#include "base/assert.h"
#include "base/attr.h"
#include "base/magic.h"
#include "base/moves.h"
#include "base/hash.h"

static const uint16_t moves[ASSOCIATION_STATE_COUNT] = {
	[ASSOCIATION_HANDSHAKE] = MOVE_TO(ASSOCIATION_ANONYMOUS),
	[ASSOCIATION_ANONYMOUS] = MOVE_TO(ASSOCIATION_IDENTIFIED),
};

struct association_key {
	uint8_t ip[16];
	uint16_t port, port_index;
};

static uint64_t key_of(const struct association_table *table, const struct address *address, uint8_t port_index)
{
	struct association_key key = {.port = address->port, .port_index = port_index};
	memcpy(key.ip, address->ip, sizeof(key.ip));
	return ringcast_hash_bytes(&key, sizeof(key), table->seed) | 1;
}

bool ringcast_association_table_init(struct association_table *table, uint32_t capacity, uint32_t half_open_max, uint64_t seed)
{
	*table = (struct association_table){.seed = seed};
	if (ringcast_slab_init(&table->associations, sizeof(struct association), capacity) && ringcast_map_init(&table->by_key, capacity) &&
	    ringcast_crowds_init(&table->half_open, half_open_max, seed))
		return true;
	ringcast_association_table_fini(table);
	return false;
}

uint64_t ringcast_association_table_memory_bytes(uint32_t capacity, uint32_t half_open_max)
{
	uint64_t map_bytes = 2 * sizeof(struct map_slot) * 2;
	return capacity * (sizeof(struct association) + 8 + map_bytes) + ringcast_crowds_memory_bytes(half_open_max);
}

void ringcast_association_table_fini(struct association_table *table)
{
	for (uint32_t i = 0; i < table->associations.high_water; i++) {
		handle self;
		struct association *association = ringcast_slab_at(&table->associations, i, &self);
		if (association != NULL)
			ringcast_association_close(table, association);
	}
	ringcast_crowds_fini(&table->half_open);
	ringcast_map_fini(&table->by_key);
	ringcast_slab_fini(&table->associations);
	*table = (struct association_table){0};
}

/*
 * A key is a hash, so two addresses may share one. That is why the address itself is compared: the second one finds no association, and nothing of
 * what it sent is decrypted.
 */
struct association *ringcast_association_find(const struct association_table *table, const struct address *address, uint8_t port_index)
{
	handle self = ringcast_map_find(&table->by_key, key_of(table, address, port_index));
	struct association *association = ringcast_slab_find(&table->associations, self);
	if (association == NULL || association->port_index != port_index || !ringcast_address_is_equal(&association->address, address))
		return NULL;
	return association;
}

struct association *ringcast_association_successor(const struct association_table *table, const struct association *association)
{
	return ringcast_slab_find(&table->associations, association->successor);
}

struct association *ringcast_association_predecessor(const struct association_table *table, const struct association *association)
{
	return ringcast_slab_find(&table->associations, association->predecessor);
}

struct association *ringcast_association_replaced(const struct association_table *table, struct association *standing)
{
	if (standing == NULL || standing->state == ASSOCIATION_HANDSHAKE)
		return standing;
	return ringcast_association_successor(table, standing);
}

/* Where a bound is reached: the oldest of the address' own when that is its own bound, else as the crowds say. */
static struct association *find_victim(const struct association_table *table, uint64_t key, bool is_own, const struct association_bounds *bounds)
{
	bool is_hogs = false;
	struct crowd_member *member =
		is_own ? ringcast_crowds_oldest(&table->half_open, key) : ringcast_crowds_victim(&table->half_open, key, &is_hogs);
	if (member == NULL)
		return NULL;
	struct association *victim = CONTAINER_OF(member, struct association, half_open);
	return is_hogs || victim->deadline_ns <= bounds->late_deadline_ns ? victim : NULL;
}

enum drop_reason ringcast_association_may_open(const struct association_table *table, const struct address *address, uint8_t port_index,
					       const struct association_bounds *bounds, struct association **ret_victim)
{
	struct association *standing = ringcast_association_find(table, address, port_index);
	uint64_t key = ringcast_crowds_key(&table->half_open, address);
	uint32_t freed = ringcast_association_replaced(table, standing) != NULL;
	bool is_own = ringcast_crowds_size(&table->half_open, key) - freed >= bounds->half_open_per_address_max;
	*ret_victim = NULL;
	if (is_own || table->half_open.count - freed >= bounds->half_open_max) {
		*ret_victim = find_victim(table, key, is_own, bounds);
		return *ret_victim != NULL ? DROP_NONE : DROP_HALF_OPEN_LIMIT;
	}
	return freed == 0 && table->associations.count == table->associations.capacity ? DROP_HALF_OPEN_LIMIT : DROP_NONE;
}

static void take_place(struct association_table *table, struct association *association, struct association *standing)
{
	if (standing == NULL) {
		bool is_added = ringcast_map_add(&table->by_key, association->key, association->self);
		ringcast_assert(is_added); /* the map has the slab's capacity */
		return;
	}
	ringcast_assert(ringcast_association_replaced(table, standing) == NULL);
	standing->successor = association->self;
	association->predecessor = standing->self;
}

struct association *ringcast_association_open(struct association_table *table, const struct address *address, uint8_t port_index,
					      struct crypto_session *crypto)
{
	handle self;
	uint64_t key = key_of(table, address, port_index);
	ringcast_assert(crypto != NULL);
	struct association *standing = ringcast_association_find(table, address, port_index);
	bool is_others = standing == NULL && ringcast_map_find(&table->by_key, key) != 0; /* another address has the same hash */
	if (is_others || ringcast_crowds_is_full(&table->half_open))
		return NULL;
	struct association *association = ringcast_slab_alloc(&table->associations, &self);
	if (association == NULL)
		return NULL;
	association->magic = ASSOCIATION_MAGIC;
	association->self = self;
	association->crypto = crypto;
	association->address = *address;
	association->port_index = port_index;
	association->key = key;
	association->state = ASSOCIATION_HANDSHAKE;
	take_place(table, association, standing);
	ringcast_crowds_add(&table->half_open, ringcast_crowds_key(&table->half_open, address), &association->half_open);
	return association;
}

void ringcast_association_begin(struct association *association, uint64_t hello_hash, const uint64_t before[ASSOCIATION_HELLOS_MAX])
{
	ringcast_assert(hello_hash != 0);
	association->hello_hashes[0] = hello_hash;
	if (before != NULL)
		memcpy(association->hello_hashes + 1, before, (ASSOCIATION_HELLOS_MAX - 1) * sizeof(before[0]));
}

bool ringcast_association_has_seen(const struct association *association, uint64_t hello_hash)
{
	for (unsigned i = 0; i < ASSOCIATION_HELLOS_MAX; i++)
		if (association->hello_hashes[i] == hello_hash)
			return true;
	return false;
}

void ringcast_association_establish(struct association *association)
{
	association->state = ringcast_move(moves, association->state, ASSOCIATION_ANONYMOUS);
}

void ringcast_association_identify(struct association_table *table, struct association *association, handle conn)
{
	ringcast_assert(conn != HANDLE_NONE);
	association->state = ringcast_move(moves, association->state, ASSOCIATION_IDENTIFIED);
	association->conn = conn;
	ringcast_crowds_remove(&table->half_open, &association->half_open);
}

/* Its successor stands there now, if it has one. */
static void leave_place(struct association_table *table, struct association *association)
{
	struct association *successor = ringcast_association_successor(table, association);
	struct association *predecessor = ringcast_association_predecessor(table, association);
	if (predecessor != NULL) {
		predecessor->successor = HANDLE_NONE;
		return;
	}
	bool was_there = ringcast_map_remove(&table->by_key, association->key);
	ringcast_assert(was_there);
	if (successor != NULL) {
		successor->predecessor = HANDLE_NONE;
		take_place(table, successor, NULL);
	}
}

void ringcast_association_close(struct association_table *table, struct association *association)
{
	ringcast_check_magic(association, ASSOCIATION);
	leave_place(table, association);
	ringcast_assert(!ringcast_timer_is_armed(&association->timer));
	ringcast_crowds_remove(&table->half_open, &association->half_open);
	ringcast_crypto_free(&association->crypto);
	association->magic = ~ASSOCIATION_MAGIC;
	ringcast_slab_free(&table->associations, association->self);
}
