/* A script's folder, or one file, as a zip in memory: what ringcast script push sends. */
#ifndef RINGCAST_TOOLS_PACK_H
#define RINGCAST_TOOLS_PACK_H

#include <stdbool.h>
#include <stddef.h>

struct pack {
	void *bytes; /* owned */
	size_t size;
};

/*
 * A zip file as it is, a folder with all in it but names that begin with a dot, or one file: of Lua as main.lua, of JavaScript by its own
 * name. False: one clear line in reterr. Links are refused rather than followed.
 */
bool ringcast_pack(const char *path, struct pack *ret_pack, char *reterr, size_t reterr_bytes);

#endif
