/* A script's files as they lie on disk: walks them within bounds, and says which one is the script. For script.c. */
#ifndef RINGCAST_SCRIPTING_FOLDER_H
#define RINGCAST_SCRIPTING_FOLDER_H

#include "scripting/script.h"

/*
 * Fills folder, files and file_count (not sorted; main too, when path is one file) from path. Links and special files are errors, except
 * that path itself may be a link; names that begin with a dot are passed over. False: one line in reterr, and the caller frees what there
 * is.
 */
bool ringcast_folder_read(struct script *script, const char *path, char *reterr, size_t reterr_bytes);
/* From sorted files: language and main. */
bool ringcast_folder_choose_main(struct script *script, char *reterr, size_t reterr_bytes);

#endif
