/* One packet on its way through the rules, for the files of this folder. */
#ifndef RINGCAST_SESSION_ROUTER_H
#define RINGCAST_SESSION_ROUTER_H

#include "session/session.h"

enum route_question { QUESTION_SEND_TO_PLAYER = 1, QUESTION_ABOUT_GROUP = 2 /* send to, join, leave */, QUESTION_SNAPSHOT = 4 };

struct route {
	struct player *player;
	const struct packet *packet;
	enum delivery_intent intent;
	unsigned allowed; /* questions the script has answered with yes: not asked again */
	unsigned asked;   /* the one it will answer later; 0: none */
	bool is_put_off;  /* its next question is asked when the script's commands have been carried out: nothing has happened yet, and it goes on by itself */
	bool is_unasked;  /* there was no time to ask: the verdict is the session's default */
	bool is_unknown;  /* so, or there was no room for the question, or no answer came in time: it is not in what the script says of the game */
};

/* The rules as they are now, whatever held before: the packet may have waited. Applies no commands. With route->asked nothing has happened yet. */
enum drop_reason ringcast_router_dispatch(struct route *route);

#endif
