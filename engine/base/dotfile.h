/*
 * What lies in a script's folder and is not part of the script: folders that tools keep beside the files (.git, node_modules/.bin, .vscode), and what
 * a file manager or an editor leaves for the moment. Other names with a dot in front (.env) are files like all others. One rule for whoever walks,
 * packs, unpacks and watches, so that a version means the same everywhere.
 */
#ifndef RINGCAST_BASE_DOTFILE_H
#define RINGCAST_BASE_DOTFILE_H

#include <stdbool.h>
#include <string.h>

static inline bool ringcast_dotfile_is_passed_over(const char *name, size_t size, bool is_folder)
{
	if (size == 0 || name[0] != '.')
		return false;
	bool is_swap = size > 4 && memcmp(name + size - 4, ".sw", 3) == 0; /* vim's .name.swp */
	return is_folder || is_swap || (size > 1 && name[1] == '_') || (size == 9 && memcmp(name, ".DS_Store", 9) == 0);
}

#endif
