/* The build without libxdp: all leaves by the sockets, and who asks for AF_XDP is told so. */
#include <stdio.h>

#include "base/assert.h"
#include "io/egress.h"

struct egress *ringcast_egress_create(uint32_t receiver_count, uint32_t queue, struct io_stats *stats, char *reterr, size_t reterr_bytes)
{
	snprintf(reterr, reterr_bytes, "egress xdp: this build is without it; install libxdp-dev and libbpf-dev, then build with meson -Dxdp=enabled");
	return NULL;
}

bool ringcast_egress_wanted(const struct io_options *options, struct io_stats *stats, struct egress **ret_egress, char *reterr, size_t reterr_bytes)
{
	*ret_egress = NULL;
	return !options->is_egress_xdp || ringcast_egress_create(0, 0, stats, reterr, reterr_bytes) != NULL;
}

void ringcast_egress_destroy(struct egress **egress)
{
	ringcast_assert(*egress == NULL);
}

struct egress_source ringcast_egress_source_of(const struct address *bound)
{
	return (struct egress_source){.port = bound->port};
}

uint64_t ringcast_egress_memory_bytes(uint32_t receiver_count)
{
	return 0;
}

bool ringcast_egress_add(struct egress *egress, const struct egress_source *source, const struct local *local, const struct io_datagram *datagram,
			 uint64_t now_ns)
{
	ringcast_unreachable("no egress in this build");
}

bool ringcast_egress_flush(struct egress *egress)
{
	ringcast_unreachable("no egress in this build");
}
