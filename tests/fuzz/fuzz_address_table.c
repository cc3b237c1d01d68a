/*
 * The table of client addresses beside arrays that count plainly: a limit is never passed nor enforced too early, one address in IPv4 and one
 * subscriber (/64) in IPv6 share one count, an address in use is never forgotten, and a table that refuses somebody is full of addresses in use.
 *
 * Input: limits, then records of one byte: open or close, which address; or let time pass.
 */
#include "base/assert.h"
#include "fuzz_target.h"
#include "transport/address_table.h"

enum { CONFIG_BYTES = 3, HOST_COUNT = 16, CAPACITY = 8, START_S = 1000 };

struct book {
	uint32_t connection_count[HOST_COUNT];
	uint64_t tried_ns[HOST_COUNT]; /* 0: never */
	uint32_t tries_now[HOST_COUNT]; /* that a limit let through, at this very moment */
	bool was_full;                  /* at this moment: then rates may have been forgotten */
};

/* Half of the hosts are IPv4. variant changes what must not matter: the port, and the lower half of an IPv6 address. */
static struct address address_of(uint8_t host, uint8_t variant)
{
	struct address address = {.port = (uint16_t)(5000 + variant)};
	if (host % 2 == 0) {
		memcpy(address.ip, (const uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, host}, 16);
	} else {
		memcpy(address.ip, (const uint8_t[]){0x20, 0x01, 0xd, 0xb8, 0, 0, 0, host}, 8);
		address.ip[15] = variant;
	}
	return address;
}

static uint32_t used_count(const struct book *book)
{
	uint32_t count = 0;
	for (unsigned host = 0; host < HOST_COUNT; host++)
		count += book->connection_count[host] > 0;
	return count;
}

static void open_one(struct address_table *table, struct book *book, uint8_t host, uint8_t variant, const uint8_t *config, uint64_t now_ns)
{
	uint32_t connections_max = config[0] % 4, rate = config[1] % 4;
	struct address address = address_of(host, variant);
	book->was_full |= table->entries.count == CAPACITY;
	enum drop_reason drop = ringcast_address_table_open(table, &address, connections_max, rate, now_ns);
	switch (drop) {
	case DROP_NONE:
		book->connection_count[host]++;
		ringcast_assert(connections_max == 0 || book->connection_count[host] <= connections_max);
		break;
	case DROP_ADDRESS_LIMIT:
		ringcast_assert(connections_max != 0 && book->connection_count[host] == connections_max);
		break;
	case DROP_RATE_HANDSHAKES:
		ringcast_assert(rate != 0 && book->tried_ns[host] != 0);
		return;
	case DROP_CONNECTION_LIMIT:
		ringcast_assert(used_count(book) == CAPACITY && book->connection_count[host] == 0);
		return;
	default:
		ringcast_unreachable("a reason of no address");
	}
	book->tries_now[host]++;
	ringcast_assert(rate == 0 || book->was_full || book->tries_now[host] <= rate);
	book->tried_ns[host] = now_ns;
}

static void check_counts(const struct address_table *table, const struct book *book)
{
	uint32_t in_book = 0, in_table = 0;
	for (int host = 0; host < HOST_COUNT; host++)
		in_book += book->connection_count[host];
	for (uint32_t i = 0; i < table->entries.high_water; i++) {
		handle unused;
		const struct address_entry *entry = ringcast_slab_at(&table->entries, i, &unused);
		in_table += entry != NULL ? entry->connection_count : 0;
	}
	ringcast_assert(in_book == in_table);
	ringcast_assert(table->entries.count == table->by_key.count && table->entries.count <= CAPACITY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address_table table;
	struct book book = {0};
	uint64_t now_ns = START_S * NS_PER_S;
	if (size < CONFIG_BYTES)
		return 0;
	bool is_ready = ringcast_address_table_init(&table, CAPACITY, data[2]);
	ringcast_assert(is_ready);
	for (size_t i = CONFIG_BYTES; i < size; i++) {
		uint8_t host = data[i] % HOST_COUNT, variant = data[i] >> 4 & 1;
		struct address address = address_of(host, variant);
		if ((data[i] & 0xc0) == 0xc0) {
			now_ns += (uint64_t)(data[i] & 0x3f) * 40 * NS_PER_MS;
			memset(book.tries_now, 0, (data[i] & 0x3f) != 0 ? sizeof(book.tries_now) : 0);
			book.was_full &= (data[i] & 0x3f) == 0;
		} else if ((data[i] & 0x80) == 0) {
			open_one(&table, &book, host, variant, data, now_ns);
		} else if (book.connection_count[host] > 0) {
			if (variant != 0)
				ringcast_address_table_settle(&table, &address);
			ringcast_address_table_close(&table, &address, variant != 0);
			book.connection_count[host]--;
		}
		check_counts(&table, &book);
	}
	ringcast_address_table_fini(&table);
	return 0;
}
