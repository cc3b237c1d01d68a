/*
 * Scripts on disk: what was pushed survives a restart. Below scripts.directory, per name:
 *
 *   <name>/<version>/...   the files as they were pushed; never changed again
 *   <name>/versions        one line per version, "version unix-seconds", oldest push first
 *   <name>/current         the version that new sessions get
 *
 * Everything is written beside and renamed into place. Any control thread; one at a time changes something.
 */
#ifndef RINGCAST_CONTROL_SCRIPT_STORE_H
#define RINGCAST_CONTROL_SCRIPT_STORE_H

#include <jansson.h>

#include "control/config.h"
#include "control/logs.h"

struct script_store;

enum store_result {
	STORE_OK,
	STORE_BAD_NAME,
	STORE_BAD_PACKAGE, /* the zip */
	STORE_BAD_SCRIPT,  /* the dry run */
	STORE_NOT_FOUND,
	STORE_IN_USE,
	STORE_FAILED, /* disk, memory */
};

/* directory "": a private one, removed at the end. NULL: reterr says why. The engine outlives the store. */
struct script_store *ringcast_script_store_create(const char *directory, uint32_t versions_kept, ringcast_engine *engine, struct logs *logs,
						  struct config_error *reterr);
void ringcast_script_store_destroy(struct script_store **store); /* accepts NULL inside, nulls */
/* Gives the engine the current version of every name. What is not well is logged and passed over. */
void ringcast_script_store_load(struct script_store *store);

/* A zip becomes the current version of name, or reterr says in one line why not, and nothing has changed. */
enum store_result ringcast_script_store_push(struct script_store *store, const char *name, const void *zip, size_t zip_size,
					     ringcast_script_info *ret_info, struct config_error *reterr);
/* version NULL: the one pushed before the current one. */
enum store_result ringcast_script_store_rollback(struct script_store *store, const char *name, const char *version,
						 ringcast_script_info *ret_info, struct config_error *reterr);
enum store_result ringcast_script_store_remove(struct script_store *store, const char *name, struct config_error *reterr);
/* Versions of one script, the current one marked, newest push first; NULL: no such script. */
json_t *ringcast_script_store_versions(struct script_store *store, const char *name);
json_t *ringcast_script_store_list(struct script_store *store); /* the current version of each */
json_t *ringcast_script_store_describe(const ringcast_script_info *info);

#endif
