/*
 * One fuzz target: takes any bytes, aborts when an invariant does not hold. libFuzzer drives it where clang is at hand; replay_main.c
 * drives the same function everywhere, over the corpus and seeded mutations of it.
 */
#ifndef RINGCAST_TESTS_FUZZ_TARGET_H
#define RINGCAST_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
