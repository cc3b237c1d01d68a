/* What games ask of the service by their hosts, as requests of its loop: they run the API's own operations. */
#ifndef RINGCAST_SERVICE_GAME_QUESTION_H
#define RINGCAST_SERVICE_GAME_QUESTION_H

#include "service/loop.h"

/* [any thread] The question is the loop's until answered. False: too many requests wait, the loop stops, or memory is short; nothing has changed. */
bool ringcast_game_question_ask(struct loop *loop, struct host_question *question);

#endif
