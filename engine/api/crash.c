#include "base/panic.h"
#include "ringcast/ringcast.h"

void ringcast_crash_install(const char *program, const char *folder)
{
	ringcast_panic_install(program != NULL ? program : "", folder != NULL ? folder : "");
}
