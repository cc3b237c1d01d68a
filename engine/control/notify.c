#include "control/notify.h"

#ifdef HAVE_SYSTEMD

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

void ringcast_notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void ringcast_notify_status(const char *format, ...)
{
	char status[200];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(status, sizeof(status), format, arguments);
	va_end(arguments);
	sd_notifyf(0, "STATUS=%s", status);
}

void ringcast_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void ringcast_notify_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void ringcast_notify_extend(uint64_t timeout_us)
{
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64, timeout_us);
}

void ringcast_notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

uint64_t ringcast_notify_watchdog_us(void)
{
	uint64_t interval_us = 0;
	return sd_watchdog_enabled(0, &interval_us) > 0 ? interval_us : 0;
}

#else

void ringcast_notify_ready(const char *status)
{
	(void)status;
}

void ringcast_notify_status(const char *format, ...)
{
	(void)format;
}

void ringcast_notify_stopping(void)
{
}

void ringcast_notify_reloading(void)
{
}

void ringcast_notify_extend(uint64_t timeout_us)
{
	(void)timeout_us;
}

void ringcast_notify_alive(void)
{
}

uint64_t ringcast_notify_watchdog_us(void)
{
	return 0;
}

#endif
