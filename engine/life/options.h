#ifndef RINGCAST_LIFE_OPTIONS_H
#define RINGCAST_LIFE_OPTIONS_H

#include "life/engine.h"

/* Copies and checks; RINGCAST_OK, or an error with one line. */
int ringcast_engine_take_options(struct ringcast_engine *engine, const ringcast_engine_options *given, char *error, size_t error_bytes);
void ringcast_engine_forget_options(struct ringcast_engine *engine); /* what take has copied, also when it failed */
/* Zeros become defaults. */
void ringcast_engine_fill_limits(ringcast_limits *limits);
bool ringcast_engine_check_limits(const ringcast_limits *limits, char *error, size_t error_bytes);
void ringcast_engine_fill_shard_options(struct ringcast_engine *engine);

#endif
