/*
 * The scripts that an engine knows: by name, each with its versions, one of them current. Control threads change it, under its lock; shards
 * only hold versions, which are counted. A version stays known while it is current, while sessions run it, and as one of the last
 * versions_kept.
 */
#ifndef RINGCAST_SCRIPTS_REGISTRY_H
#define RINGCAST_SCRIPTS_REGISTRY_H

#include <pthread.h>

#include "ringcast/ringcast.h"
#include "scripting/script.h"

struct script_version {
	struct script *script;       /* one reference */
	struct script_version *next; /* of the same name, newest first; the registry's */
	uint64_t sequence;           /* of additions, over all names */
	uint32_t refs;               /* atomic: the registry, shards' programs, questions on their way */
	uint32_t session_count;      /* atomic: sessions that run it */
	bool is_current;             /* atomic */
};

struct script_name {
	char name[SCRIPT_NAME_BYTES];
	struct script_version *versions;
	struct script_name *next;
};

struct script_registry {
	pthread_mutex_t lock;
	struct script_name *names; /* sorted */
	uint64_t sequence;
	uint32_t versions_kept;
	uint32_t change_count; /* atomic: shards look whether they hold programs that nobody needs any more */
};

void ringcast_registry_init(struct script_registry *registry, uint32_t versions_kept);
void ringcast_registry_fini(struct script_registry *registry);
/* The version becomes current; the same one again is only made current. Takes the reference, also on failure. OK or ERROR_MEMORY. */
int ringcast_registry_add(struct script_registry *registry, struct script *script);
/*
 * "name", the current version, or "name@version", where at least six digits of the version will do when only one begins so. NULL: unknown.
 * The caller has a reference to release.
 */
struct script_version *ringcast_registry_find(struct script_registry *registry, const char *name_and_version);
int ringcast_registry_select(struct script_registry *registry, const char *name_and_version);
/* A whole name, or one version that is not current (else RINGCAST_ERROR_STATE). Sessions that run it go on. */
int ringcast_registry_remove(struct script_registry *registry, const char *name_and_version);
/* Names in order, versions of each newest first. name NULL: all. */
void ringcast_registry_each(struct script_registry *registry, const char *name,
			    void (*each)(void *context, const struct script_version *version), void *context);

struct script_version *ringcast_script_version_ref(struct script_version *version);
void ringcast_script_version_release(struct script_version **version); /* accepts NULL inside, nulls */

#endif
