/* Handles on the fake engine's scripts, for tests. */
#ifndef RINGCAST_TESTS_FAKE_SCRIPTS_H
#define RINGCAST_TESTS_FAKE_SCRIPTS_H

#include "ringcast/ringcast.h"

void fake_scripts_reset(void);
unsigned fake_scripts_tried(void); /* dry runs so far */
void fake_scripts_set_sessions(const char *name, const char *version, uint32_t count);

#endif
