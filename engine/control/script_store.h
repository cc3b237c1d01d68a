/*
 * Scripts on disk: what was pushed survives a restart. Below scripts.directory, per name:
 *
 *   <name>/<version>/...   the files as they were pushed; never changed again
 *   <name>/versions        one line per version, "version unix-seconds main", oldest push first (script_history.h)
 *   <name>/current         the version that new sessions get
 *
 * Everything is written beside and renamed into place, and flushed. The disk is changed first, the engine after: what a call says has not happened has
 * not happened anywhere, and "current" is what decides. A directory that cannot be written can be read: its scripts run, and changes are
 * refused. Any control thread; one at a time changes something, and scripts are tried out without keeping the others waiting.
 */
#ifndef RINGCAST_CONTROL_SCRIPT_STORE_H
#define RINGCAST_CONTROL_SCRIPT_STORE_H

#include <jansson.h>

#include "control/config.h"
#include "control/logs.h"
#include "control/package.h"

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

struct script_store_options {
	const char *directory; /* "": a private one, removed at the end */
	uint32_t versions_kept;
	struct package package; /* its bounds */
};

/* NULL: reterr says why. The engine outlives the store. */
struct script_store *ringcast_script_store_create(const struct script_store_options *options, ringcast_engine *engine, struct logs *logs,
						  struct config_error *reterr);
void ringcast_script_store_destroy(struct script_store **store); /* accepts NULL inside, nulls */
/* Gives the engine the current version of every name. A script that cannot be loaded is logged and left out. */
void ringcast_script_store_load(struct script_store *store);

struct script_push {
	const char *name;
	const char *main; /* which file is the script; NULL: whichever is usual. Remembered with the version */
	const void *zip;
	size_t zip_size;
};

/* A zip becomes the current version of name, or reterr says in one line why not, and nothing has changed. */
enum store_result ringcast_script_store_push(struct script_store *store, const struct script_push *push, ringcast_script_info *ret_info,
					     struct config_error *reterr);
/* version NULL: the one pushed before the current one. */
enum store_result ringcast_script_store_rollback(struct script_store *store, const char *name, const char *version,
						 ringcast_script_info *ret_info, struct config_error *reterr);
enum store_result ringcast_script_store_remove(struct script_store *store, const char *name, struct config_error *reterr);
/* Versions of one script, the current one marked, newest push first; NULL: no such script. */
json_t *ringcast_script_store_versions(struct script_store *store, const char *name);
json_t *ringcast_script_store_list(struct script_store *store); /* the current version of each */
/* The files of one of its versions, see script_files.h; version may be cut to its first digits, as long as one version begins so. NULL: it is not kept. */
json_t *ringcast_script_store_files(struct script_store *store, const char *name, const char *version);
json_t *ringcast_script_store_describe(const ringcast_script_info *info);

#endif
