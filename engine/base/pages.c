#include "base/pages.h"

#include <sys/mman.h>

#include "base/assert.h"

#ifdef RINGCAST_HAS_ASAN
#include <sanitizer/lsan_interface.h>
#endif

/* No MAP_NORESERVE: a reservation the machine cannot honour is to fail here, at start, and not as a kill under load. */
void *ringcast_pages_reserve(size_t size_bytes)
{
	if (size_bytes == 0)
		return NULL;
	void *pages = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return NULL;
#ifdef RINGCAST_HAS_ASAN
	/* Leak checking follows pointers out of malloc'ed memory only, unless told of more. */
	__lsan_register_root_region(pages, size_bytes);
#endif
	return pages;
}

void ringcast_pages_release(void *pages, size_t size_bytes)
{
	if (pages == NULL)
		return;
	ringcast_assert(size_bytes > 0);
#ifdef RINGCAST_HAS_ASAN
	__lsan_unregister_root_region(pages, size_bytes);
	ringcast_pages_unhide(pages, size_bytes);
#endif
	int result = munmap(pages, size_bytes);
	ringcast_assert(result == 0);
}

bool ringcast_pages_size_of(size_t object_bytes, size_t object_count, size_t *ret_bytes)
{
	size_t product;
	if (__builtin_mul_overflow(object_bytes, object_count, &product))
		return false;
	*ret_bytes = product;
	return true;
}
