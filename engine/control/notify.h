/* Messages to the service manager. Without libsystemd, or when not started by systemd, all of it does nothing. */
#ifndef RINGCAST_CONTROL_NOTIFY_H
#define RINGCAST_CONTROL_NOTIFY_H

#include <stdint.h>

#include "base/attr.h"

void ringcast_notify_ready(const char *status);
void ringcast_notify_status(const char *format, ...) PRINTF_LIKE(1, 2);
void ringcast_notify_stopping(void);
void ringcast_notify_reloading(void);             /* ready again with ringcast_notify_ready */
void ringcast_notify_extend(uint64_t timeout_us); /* the stop will take this much longer */
void ringcast_notify_alive(void);
uint64_t ringcast_notify_watchdog_us(void); /* how often alive is expected; 0: not */

#endif
