/*
 * One UDP port for all shards. Their sockets share it by SO_REUSEPORT, and the kernel deals datagrams out by a hash over addresses and ports: a client always
 * comes to the same shard, but to which one is chance. Who is known to be another shard's is steered there: an sk_reuseport program looks the client's address
 * and port up in a map that the shards keep. The program is a few dozen instructions that steering.c spells out, and is loaded through libbpf.
 *
 * The key is the client's address and port and our port, whatever is spoken there: plain players behind one socket of a client, and a DTLS association from the same
 * address and port, share an entry. It is of whoever put it last; the others' datagrams are handed over as strays, and one whose entry went with another's is put again then.
 *
 * One steering belongs to an engine. All calls but create and destroy may come from any shard's thread; the kernel does the locking.
 */
#ifndef RINGCAST_IO_STEERING_H
#define RINGCAST_IO_STEERING_H

#include "io/io.h"

struct steering;

/* NULL: reterr says in one line why the kernel, this process's rights or this build cannot do it. */
struct steering *ringcast_steering_create(uint32_t shard_count, uint32_t client_count_max, char *reterr, size_t reterr_bytes);
void ringcast_steering_destroy(struct steering **steering); /* after the sockets */
/*
 * A UDP socket of this io's shard, as ringcast_socket_open_udp; with steering in its options, one that shares address and port with those of the other shards. user
 * is the port's index.
 */
int ringcast_steering_open_udp(const struct io_options *options, const struct address *address, bool is_v4, uint64_t user, struct address *ret_bound, int *ret_fd);
/* From now on what this client sends to that port comes to the shard. False: the map is full, or the kernel has no memory; then chance decides as before. */
bool ringcast_steering_put(struct steering *steering, const struct address *client, uint32_t port_index, uint32_t shard);
/* Not any more; where another shard has put the client since, it is left to that one. */
void ringcast_steering_remove(struct steering *steering, const struct address *client, uint32_t port_index, uint32_t shard);

#endif
