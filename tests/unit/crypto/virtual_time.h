#ifndef RINGCAST_TESTS_CRYPTO_VIRTUAL_TIME_H
#define RINGCAST_TESTS_CRYPTO_VIRTUAL_TIME_H

#include <stdint.h>

void virtual_time_move(uint64_t by_ms);

#endif
