/* What the daemon says about itself: the first log lines, the ready line, the dev banner, the memory bill, the dump. */
#ifndef RINGCAST_CONTROL_REPORT_H
#define RINGCAST_CONTROL_REPORT_H

#include "control/config.h"
#include "control/flags.h"
#include "control/logs.h"
#include "control/preflight.h"

void ringcast_report_start(struct logs *logs, const struct config *config, const struct flags *flags, char *const *environment);
preflight_fn ringcast_report_preflight; /* context: struct logs */
void ringcast_report_ready(struct logs *logs, ringcast_engine *engine, const struct config *config, const char *admin, const char *health,
			   const char *service);
void ringcast_report_dev(ringcast_engine *engine, const struct config *config, const char *admin, const char *service, FILE *out);
void ringcast_report_demo(ringcast_engine *engine, const char *session_id, FILE *out); /* the dev mode's own session; goes on below report_dev */
/* A command that joins the demo session as it is. */
void ringcast_report_try(ringcast_engine *engine, const char *admin, bool has_script, FILE *out);
void ringcast_report_memory_bill(const struct config *config, FILE *out);
void ringcast_report_dump(ringcast_engine *engine, FILE *out); /* all metrics */

#endif
