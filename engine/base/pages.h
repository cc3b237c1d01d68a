/*
 * Zeroed memory reserved from the kernel in whole pages. Every table of fixed capacity lives in such memory: address space is
 * taken at start, so a machine too small says so then, and pages cost memory only when first touched.
 *
 * Ownership: the caller's until ringcast_pages_release, with the same size. Any thread.
 */
#ifndef RINGCAST_BASE_PAGES_H
#define RINGCAST_BASE_PAGES_H

#include "base/attr.h"
#include "base/types.h"

#if defined(__SANITIZE_ADDRESS__)
#define RINGCAST_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RINGCAST_HAS_ASAN 1
#endif
#endif

MUST_USE void *ringcast_pages_reserve(size_t size_bytes); /* page aligned; NULL: out of memory (also if size_bytes is 0) */
void ringcast_pages_release(void *pages, size_t size_bytes);  /* NULL is fine */
bool ringcast_pages_size_of(size_t object_bytes, size_t object_count, size_t *ret_bytes); /* false: the product overflows */

/* Under AddressSanitizer, touching hidden memory is an error; elsewhere these do nothing. */
static inline void ringcast_pages_hide(const void *memory, size_t size_bytes);
static inline void ringcast_pages_unhide(const void *memory, size_t size_bytes);

/* inline definitions */

#ifdef RINGCAST_HAS_ASAN
#include <sanitizer/asan_interface.h>
static inline void ringcast_pages_hide(const void *memory, size_t size_bytes)
{
	__asan_poison_memory_region(memory, size_bytes);
}

static inline void ringcast_pages_unhide(const void *memory, size_t size_bytes)
{
	__asan_unpoison_memory_region(memory, size_bytes);
}
#else
static inline void ringcast_pages_hide(const void *memory, size_t size_bytes)
{
	(void)memory;
	(void)size_bytes;
}

static inline void ringcast_pages_unhide(const void *memory, size_t size_bytes)
{
	(void)memory;
	(void)size_bytes;
}
#endif

#endif
