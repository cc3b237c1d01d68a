/* What a test may tell the fake engine. */
#ifndef RINGCAST_TESTS_FAKE_ENGINE_H
#define RINGCAST_TESTS_FAKE_ENGINE_H

#include "ringcast/ringcast.h"

enum { FAKE_ENGINE_SESSIONS_MAX = 64, FAKE_ENGINE_PLAYERS_MAX = 64 };

void fake_engine_set_stall_ns(uint64_t stall_ns);
/* The reservation with this token logs in, or leaves. */
bool fake_engine_login(ringcast_engine *engine, const char *token);
const ringcast_limits *fake_engine_limits(const ringcast_engine *engine);
const char *fake_engine_kick_reason(const ringcast_engine *engine); /* of the last kick; or the last message of a backend */

#endif
