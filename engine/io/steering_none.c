/* The build without libbpf: each shard has UDP ports of its own. */
#include <stdio.h>

#include "base/assert.h"
#include "io/socket.h"
#include "io/steering.h"

struct steering *ringcast_steering_create(uint32_t shard_count, uint32_t client_count_max, char *reterr, size_t reterr_bytes)
{
	snprintf(reterr, reterr_bytes, "this build is without libbpf");
	return NULL;
}

void ringcast_steering_destroy(struct steering **steering)
{
	ringcast_assert(*steering == NULL);
}

int ringcast_steering_open_udp(const struct io_options *options, const struct address *address, bool is_v4, uint64_t user, struct address *ret_bound, int *ret_fd)
{
	return ringcast_socket_open_udp(address, is_v4, options->socket_send_buffer_bytes, options->socket_recv_buffer_bytes, ret_bound, ret_fd);
}

bool ringcast_steering_put(struct steering *steering, const struct address *client, uint32_t port_index, uint32_t shard)
{
	ringcast_unreachable("no steering in this build");
}

void ringcast_steering_remove(struct steering *steering, const struct address *client, uint32_t port_index, uint32_t shard)
{
	ringcast_unreachable("no steering in this build");
}
