/* What anybody may read of an engine without asking a shard. */
#include "io/clock.h"
#include "life/engine.h"

bool ringcast_engine_is_draining(const ringcast_engine *engine)
{
	return __atomic_load_n(&engine->is_draining, __ATOMIC_ACQUIRE);
}

uint64_t ringcast_engine_player_count(const ringcast_engine *engine)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < engine->shard_count; i++)
		count += __atomic_load_n(&engine->shards[i].shard->player_count, __ATOMIC_RELAXED);
	return count;
}

uint32_t ringcast_engine_shard_count(const ringcast_engine *engine)
{
	return engine->shard_count;
}

uint16_t ringcast_engine_tcp_port(const ringcast_engine *engine)
{
	return engine->shards[0].shard->tcp_port;
}

uint16_t ringcast_engine_udp_port(const ringcast_engine *engine, uint32_t shard, uint32_t index)
{
	if (shard >= engine->shard_count || index >= engine->shards[shard].shard->udp_port_count)
		return 0;
	return engine->shards[shard].shard->udp_ports[index];
}

const char *ringcast_engine_io_name(const ringcast_engine *engine)
{
	return engine->io == RINGCAST_IO_URING ? "io_uring" : "epoll";
}

uint64_t ringcast_engine_stall_ns(const ringcast_engine *engine)
{
	uint64_t now_ns = ringcast_clock_now_ns(), stall_ns = 0;
	for (uint32_t i = 0; i < engine->shard_count; i++) {
		uint64_t one_ns = ringcast_watch_stall_ns(&engine->watch, i, __atomic_load_n(&engine->shards[i].shard->beat_ns, __ATOMIC_RELAXED), now_ns);
		stall_ns = one_ns > stall_ns ? one_ns : stall_ns;
	}
	return stall_ns;
}

uint64_t ringcast_engine_running_ns(const ringcast_engine *engine)
{
	return ringcast_watch_running_ns(&engine->watch, ringcast_clock_now_ns());
}
