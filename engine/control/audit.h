/*
 * The audit trail: every change that somebody asked for, of the admin API and of the service's. Two rings have the newest admin.audit_kept each: one what was changed about the
 * daemon and the service, the other the traffic of games, so that a thousand reservations do not push a drain out. What is in a ring is in the log too, which is where it
 * outlives the process. Never a secret, never a player's data. Any thread.
 */
#ifndef RINGCAST_CONTROL_AUDIT_H
#define RINGCAST_CONTROL_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct audit;

/* Texts are copied, and cut where they are longer than anything of the kind should be. */
struct audit_entry {
	const char *surface; /* "admin" or "service"; static */
	const char *who;     /* the name of a token, a certificate's line or an access key; "": nobody had to say */
	const char *role;
	const char *what;    /* "DELETE /v1/sessions/{id}", or the operation's name */
	const char *object;  /* the path, and what came of it; or the resource */
	const char *answer;  /* "202", "404 not_found", "done" */
	const char *address; /* "": not known here */
	bool is_traffic;     /* what backends do all day, and what readers were refused */
};

struct audit *ringcast_audit_create(uint32_t entries_max); /* NULL: out of memory */
void ringcast_audit_destroy(struct audit **audit);	   /* accepts NULL inside, nulls */
void ringcast_audit_note(struct audit *audit, const struct audit_entry *entry);
/* {"entries": [...], "total": ever, "next": a number where there are older ones}: the newest first, from before this number (0: the newest of all) on. */
json_t *ringcast_audit_list(struct audit *audit, uint64_t before, uint32_t limit);
/* The service's sink: context is struct audit. */
void ringcast_audit_hear_service(void *context, const char *caller, const char *operation, const char *resource, const char *result, bool is_traffic);

#endif
