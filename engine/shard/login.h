/* What becomes of a login that the session layer has decided, at once or later. */
#ifndef RINGCAST_SHARD_LOGIN_H
#define RINGCAST_SHARD_LOGIN_H

#include "shard/shard.h"

/* The login result, and what begins with it: UDP, pings. */
void ringcast_shard_login_complete(struct shard *shard, struct conn *conn);
/* What its login says that the client can do, but for coming back. */
void ringcast_shard_login_abilities(struct shard *shard, struct conn *conn, const struct packet *packet);
/* The login result; says what to close the connection with. */
enum close_reason ringcast_shard_login_refuse(struct shard *shard, struct conn *conn, enum drop_reason drop);

#endif
