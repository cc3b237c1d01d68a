/* A script's files as they lie on disk: walks them within bounds, and says which one is the script. For script.c. */
#ifndef RINGCAST_SCRIPTING_FOLDER_H
#define RINGCAST_SCRIPTING_FOLDER_H

#include "scripting/script.h"

/*
 * Fills folder, files and file_count (not sorted; main too, when path is one file) from source->path. Links and special files are errors, except
 * that path itself may be a link. False: one line in reterr, and the caller frees what there is.
 */
bool ringcast_folder_read(struct script *script, const struct script_source *source, char *reterr, size_t reterr_bytes);
/* From sorted files: the language, and main as far as no Node is needed for it (NULL: the dry run asks). said: what the source says, or NULL. */
bool ringcast_folder_choose(struct script *script, const char *said, const char **ret_main, char *reterr, size_t reterr_bytes);

#endif
