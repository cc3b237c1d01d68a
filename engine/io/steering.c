#include "io/steering.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/socket.h"

enum { PORT_COUNT_MAX = 64, GROUP_COUNT = 2 * PORT_COUNT_MAX };

/* As the program builds it on its stack. */
struct steering_key {
	uint8_t ip[16];
	uint8_t port[2]; /* the client's, as on the wire */
	uint8_t group, zero[5];
};

/* The sockets of one port and family. */
struct group {
	int sockets_fd, program_fd; /* 0: not made yet */
};

struct steering {
	uint32_t shard_count;
	int clients_fd; /* map: struct steering_key -> shard */
	struct group groups[GROUP_COUNT];
	pthread_mutex_t lock; /* of groups */
};

static uint32_t group_of(uint32_t port_index, bool is_v4)
{
	ringcast_assert(port_index < PORT_COUNT_MAX);
	return 2 * port_index + (is_v4 ? 0 : 1);
}

/* The program. Registers: r0 result, r1 to r5 arguments, r6 what was r1 at the start: the context; r10 the stack's end. */

enum { KEY = -(int)sizeof(struct steering_key), SHARD = KEY - 8 };

static struct bpf_insn move(uint8_t to, uint8_t from)
{
	return (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from};
}

static struct bpf_insn set(uint8_t to, int32_t value)
{
	return (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = to, .imm = value};
}

static struct bpf_insn add(uint8_t to, int32_t value)
{
	return (struct bpf_insn){.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = to, .imm = value};
}

static struct bpf_insn store(uint8_t size, int offset, int32_t value)
{
	return (struct bpf_insn){.code = BPF_ST | BPF_MEM | size, .dst_reg = BPF_REG_10, .off = (int16_t)offset, .imm = value};
}

static struct bpf_insn call(int32_t function)
{
	return (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = function};
}

struct program {
	struct bpf_insn instructions[64];
	uint32_t count;
};

static void emit(struct program *program, struct bpf_insn instruction)
{
	ringcast_assert(program->count < sizeof(program->instructions) / sizeof(program->instructions[0]));
	program->instructions[program->count++] = instruction;
}

/* A map's descriptor takes two instructions' room. */
static void emit_map(struct program *program, uint8_t to, int fd)
{
	emit(program, (struct bpf_insn){.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = to, .src_reg = BPF_PSEUDO_MAP_FD, .imm = fd});
	emit(program, (struct bpf_insn){0});
}

static void emit_stack_address(struct program *program, uint8_t to, int offset)
{
	emit(program, move(to, BPF_REG_10));
	emit(program, add(to, offset));
}

/* Copies bytes of the network header (of either family: where the client's address stands) into the key. */
static void emit_read_ip(struct program *program, bool is_v4)
{
	emit(program, move(BPF_REG_1, BPF_REG_6));
	emit(program, set(BPF_REG_2, is_v4 ? 12 : 8));
	emit_stack_address(program, BPF_REG_3, is_v4 ? KEY + 12 : KEY);
	emit(program, set(BPF_REG_4, is_v4 ? 4 : 16));
	emit(program, set(BPF_REG_5, BPF_HDR_START_NET));
	emit(program, call(BPF_FUNC_skb_load_bytes_relative));
}

/* And the source port, which UDP's header begins with. */
static void emit_read_port(struct program *program)
{
	emit(program, move(BPF_REG_1, BPF_REG_6));
	emit(program, set(BPF_REG_2, 0));
	emit_stack_address(program, BPF_REG_3, KEY + (int)offsetof(struct steering_key, port));
	emit(program, set(BPF_REG_4, 2));
	emit(program, call(BPF_FUNC_skb_load_bytes));
}

static void emit_key(struct program *program, uint32_t group, bool is_v4)
{
	emit(program, store(BPF_DW, KEY, 0));
	emit(program, store(BPF_DW, KEY + 8, 0));
	emit(program, store(BPF_DW, KEY + 16, 0));
	if (is_v4)
		emit(program, store(BPF_H, KEY + 10, 0xffff));
	emit(program, store(BPF_B, KEY + (int)offsetof(struct steering_key, group), (int32_t)group));
	emit_read_ip(program, is_v4);
	emit_read_port(program);
}

/* A client that is in the map goes to its shard; for all others SK_PASS without a choice leaves it to the kernel's hash. */
static void build(struct program *program, const struct steering *steering, uint32_t group, int sockets_fd)
{
	*program = (struct program){0};
	emit(program, move(BPF_REG_6, BPF_REG_1));
	emit_key(program, group, group % 2 == 0);
	emit_map(program, BPF_REG_1, steering->clients_fd);
	emit_stack_address(program, BPF_REG_2, KEY);
	emit(program, call(BPF_FUNC_map_lookup_elem));
	emit(program, (struct bpf_insn){.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 9, .imm = 0}); /* to the end */
	emit(program, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_0});
	emit(program, (struct bpf_insn){.code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_0, .off = SHARD});
	emit(program, move(BPF_REG_1, BPF_REG_6));
	emit_map(program, BPF_REG_2, sockets_fd);
	emit_stack_address(program, BPF_REG_3, SHARD);
	emit(program, set(BPF_REG_4, 0));
	emit(program, call(BPF_FUNC_sk_select_reuseport));
	emit(program, set(BPF_REG_0, SK_PASS));
	emit(program, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

static int load(const struct steering *steering, uint32_t group, int sockets_fd)
{
	struct program program;
	build(&program, steering, group, sockets_fd);
	return bpf_prog_load(BPF_PROG_TYPE_SK_REUSEPORT, "ringcast_steer", "Apache-2.0", program.instructions, program.count, NULL);
}

/* Groups */

static int make_group(const struct steering *steering, uint32_t index, struct group *group)
{
	int sockets_fd = bpf_map_create(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, "ringcast_socks", sizeof(uint32_t), sizeof(uint64_t), steering->shard_count, NULL);
	if (sockets_fd < 0)
		return -errno;
	int program_fd = load(steering, index, sockets_fd);
	int error = errno;
	if (program_fd < 0) {
		close(sockets_fd);
		return -error;
	}
	*group = (struct group){sockets_fd, program_fd};
	return 0;
}

static void close_group(struct group *group)
{
	if (group->sockets_fd > 0)
		close(group->sockets_fd);
	if (group->program_fd > 0)
		close(group->program_fd);
	*group = (struct group){0};
}

static int join(struct steering *steering, uint32_t index, uint32_t shard, int fd)
{
	struct group *group = &steering->groups[index];
	uint64_t value = (uint64_t)fd;
	pthread_mutex_lock(&steering->lock);
	int result = group->program_fd > 0 ? 0 : make_group(steering, index, group);
	if (result == 0 && setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &group->program_fd, sizeof(group->program_fd)) != 0)
		result = -errno;
	if (result == 0 && bpf_map_update_elem(group->sockets_fd, &shard, &value, BPF_ANY) != 0)
		result = -errno;
	pthread_mutex_unlock(&steering->lock);
	return result;
}

int ringcast_steering_open_udp(const struct io_options *options, const struct address *address, bool is_v4, uint64_t user, struct address *ret_bound, int *ret_fd)
{
	uint32_t send_bytes = options->socket_send_buffer_bytes, recv_bytes = options->socket_recv_buffer_bytes;
	struct steering *steering = options->steering;
	if (steering == NULL)
		return ringcast_socket_open_udp(address, is_v4, send_bytes, recv_bytes, ret_bound, ret_fd);
	int result = ringcast_socket_open_shared_udp(address, is_v4, send_bytes, recv_bytes, options->shard_index == 0, ret_bound, ret_fd);
	if (result != 0)
		return result;
	result = join(steering, group_of((uint32_t)user, is_v4), options->shard_index, *ret_fd);
	if (result != 0)
		close(*ret_fd);
	return result;
}

/* Clients */

static struct steering_key key_of(const struct address *client, uint32_t port_index)
{
	struct steering_key key = {.port = {(uint8_t)(client->port >> 8), (uint8_t)client->port}, .group = (uint8_t)group_of(port_index, ringcast_address_is_v4(client))};
	memcpy(key.ip, client->ip, sizeof(key.ip));
	return key;
}

bool ringcast_steering_put(struct steering *steering, const struct address *client, uint32_t port_index, uint32_t shard)
{
	struct steering_key key = key_of(client, port_index);
	ringcast_assert(shard < steering->shard_count);
	return bpf_map_update_elem(steering->clients_fd, &key, &shard, BPF_ANY) == 0;
}

void ringcast_steering_remove(struct steering *steering, const struct address *client, uint32_t port_index, uint32_t shard)
{
	struct steering_key key = key_of(client, port_index);
	uint32_t owner;
	if (bpf_map_lookup_elem(steering->clients_fd, &key, &owner) == 0 && owner == shard)
		bpf_map_delete_elem(steering->clients_fd, &key);
}

/* Life */

/* A program that nobody uses: what the kernel says to it, it would say later. */
static int try_group(const struct steering *steering)
{
	struct group group = {0};
	int result = make_group(steering, 0, &group);
	close_group(&group);
	return result;
}

struct steering *ringcast_steering_create(uint32_t shard_count, uint32_t client_count_max, char *reterr, size_t reterr_bytes)
{
	struct steering *steering = calloc(1, sizeof(*steering));
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	_Static_assert(sizeof(struct steering_key) == 24, "as emit_key clears it");
	if (steering == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&steering->lock, NULL);
	steering->shard_count = shard_count;
	steering->clients_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "ringcast_client", sizeof(struct steering_key), sizeof(uint32_t), client_count_max, &options);
	int result = steering->clients_fd < 0 ? -errno : try_group(steering);
	if (result == 0)
		return steering;
	if (result == -EPERM)
		snprintf(reterr, reterr_bytes, "steering needs the capability CAP_BPF: AmbientCapabilities=CAP_BPF in the unit, or --cap-add BPF of a container");
	else
		snprintf(reterr, reterr_bytes, "this kernel does not load the program that steers datagrams (%s)", strerror(-result));
	ringcast_steering_destroy(&steering);
	return NULL;
}

void ringcast_steering_destroy(struct steering **steering)
{
	struct steering *self = *steering;
	*steering = NULL;
	if (self == NULL)
		return;
	for (uint32_t i = 0; i < GROUP_COUNT; i++)
		close_group(&self->groups[i]);
	if (self->clients_fd >= 0)
		close(self->clients_fd);
	pthread_mutex_destroy(&self->lock);
	free(self);
}
