/*
 * DTLS associations whose player is on another shard, where shards share their UDP ports. A handshake is done by the shard that chance has brought it to; the connect
 * token then names the player's, and the association goes there, for good, with what proved who it is. What comes for it to any other shard is handed over as
 * strays are (see directory.h), until the kernel steers it.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "shard/shard_private.h"

struct place_key {
	uint8_t ip[16];
	uint16_t port, port_index;
	uint32_t kind; /* plain players' keys have a port's index here */
};

static uint64_t key_of(const struct shard *shard, const struct address *address, uint8_t port_index)
{
	struct place_key key = {.port = address->port, .port_index = port_index, .kind = UINT32_MAX};
	memcpy(key.ip, address->ip, sizeof(key.ip));
	return ringcast_hash_bytes(&key, sizeof(key), shard->fast_seed) | 1;
}

uint32_t ringcast_shard_seek_association(const struct shard *shard, const struct address *address, uint8_t port_index)
{
	if (shard->options.directory == NULL || shard->is_stray)
		return DIRECTORY_NOBODY;
	uint32_t found = ringcast_directory_find(shard->options.directory, key_of(shard, address, port_index));
	return found != shard->options.index ? found : DIRECTORY_NOBODY;
}

/* Known to all */

void ringcast_shard_association_list(struct shard *shard, struct association *association)
{
	struct directory *directory = shard->options.directory;
	if (directory != NULL)
		association->is_listed = ringcast_directory_put(directory, key_of(shard, &association->address, association->port_index), shard->options.index);
}

void ringcast_shard_association_steer(struct shard *shard, struct association *association)
{
	struct steering *steering = shard->options.directory->steering;
	association->is_steered = steering != NULL && ringcast_steering_put(steering, &association->address, association->port_index, shard->options.index);
	shard->counters.steering_full += !association->is_steered;
}

/* Another shard may have the address meanwhile: then it is that one's to take out, here and there. */
static void take_out(struct shard *shard, const struct association *association)
{
	struct directory *directory = shard->options.directory;
	ringcast_directory_drop(directory, key_of(shard, &association->address, association->port_index), shard->options.index);
	if (association->is_steered)
		ringcast_steering_remove(directory->steering, &association->address, association->port_index, shard->options.index);
}

void ringcast_shard_association_unlist(struct shard *shard, struct association *association)
{
	struct association *successor = ringcast_association_successor(&shard->security.associations, association);
	if (association->is_listed && successor == NULL)
		take_out(shard, association);
	if (successor != NULL) { /* it stands there from now on */
		successor->is_listed = association->is_listed;
		successor->is_steered = association->is_steered;
	}
	association->is_listed = association->is_steered = false;
}

/* Going */

static struct handoff *pack(struct shard *shard, const struct association *association, const struct packet *packet)
{
	struct view token = packet->verify_identity.connect_token;
	struct handoff *handoff = malloc(sizeof(*handoff) + token.size);
	if (handoff == NULL)
		return NULL;
	*handoff = (struct handoff){.fd = -1, .address = association->address, .login_bytes = (uint32_t)token.size};
	handoff->association = (struct handoff_association){.local = ringcast_local_read(shard->io->ops->locals(shard->io), association->local),
							    .peer_id = packet->verify_identity.peer_id,
							    .sequence = packet->sequence,
							    .port_index = association->port_index};
	memcpy(handoff->association.hello_hashes, association->hello_hashes, sizeof(association->hello_hashes));
	memcpy(handoff->bytes, token.data, token.size);
	return handoff;
}

bool ringcast_shard_transfer_begin(struct shard *shard, const struct association *association, const struct packet *packet)
{
	struct shard_security *security = &shard->security;
	uint32_t target = ringcast_shard_of_connect_token(packet->verify_identity.connect_token);
	if (shard->options.directory == NULL || target >= shard->options.count || target == shard->options.index)
		return false;
	ringcast_assert(association->state == ASSOCIATION_ANONYMOUS);
	if (security->leaving != NULL)
		return true; /* it has said so in this very datagram */
	security->leaving = pack(shard, association, packet);
	security->leaving_target = target;
	if (security->leaving == NULL)
		ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
	return true;
}

static void send_away(struct shard *shard, struct association *association, struct handoff *handoff)
{
	struct association *successor = ringcast_association_successor(&shard->security.associations, association);
	if (successor != NULL)
		ringcast_shard_association_break(shard, successor); /* what comes from there goes elsewhere from now on */
	handoff->crypto = association->crypto;
	association->crypto = NULL;
	ringcast_shard_association_break(shard, association);
	if (ringcast_mailbox_post(shard->options.mailboxes[shard->security.leaving_target], shard->options.index, handoff)) {
		shard->counters.associations_out++;
		return;
	}
	ringcast_shard_association_refuse(shard, handoff);
	ringcast_handoff_free(handoff);
	ringcast_shard_drop(shard, DROP_MAILBOX_FULL, 1);
}

void ringcast_shard_transfer_finish(struct shard *shard, struct association *association)
{
	struct handoff *handoff = shard->security.leaving;
	shard->security.leaving = NULL;
	if (handoff == NULL)
		return;
	if (association != NULL && association->state == ASSOCIATION_ANONYMOUS)
		send_away(shard, association, handoff);
	else
		ringcast_handoff_free(handoff); /* what came behind the token has ended it */
}

/* Coming */

static struct packet proof_of(const struct handoff *handoff)
{
	const struct handoff_association *came = &handoff->association;
	return (struct packet){
		.opcode = OPCODE_VERIFY_IDENTITY,
		.sequence = came->sequence,
		.sender = came->peer_id,
		.command = PACKET_COMMAND_VERIFY_IDENTITY,
		.verify_identity = {.peer_id = came->peer_id, .connect_token = ringcast_view_of(handoff->bytes, handoff->login_bytes)},
	};
}

void ringcast_shard_transfer_receive(struct shard *shard, struct handoff *handoff)
{
	struct packet proof = proof_of(handoff);
	struct association *association = shard->security.credentials.datagram != NULL && !shard->is_stopping ? ringcast_shard_association_adopt(shard, handoff) : NULL;
	shard->counters.associations_in++;
	if (association == NULL) {
		shard->counters.associations_refused++;
		ringcast_shard_association_refuse(shard, handoff);
		return;
	}
	ringcast_shard_association_list(shard, association);
	ringcast_shard_association_steer(shard, association);
	ringcast_shard_association_prove(shard, association, &proof);
}
