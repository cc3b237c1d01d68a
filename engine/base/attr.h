/* Compiler attributes, in one place. */
#ifndef RINGCAST_BASE_ATTR_H
#define RINGCAST_BASE_ATTR_H

#define RLY_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define RLY_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define RLY_NORETURN __attribute__((noreturn))
#define RLY_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#define RLY_MUST_USE __attribute__((warn_unused_result))
#define RLY_UNUSED __attribute__((unused))
#define RLY_CACHE_LINE_BYTES 64
#define RLY_CACHE_ALIGNED __attribute__((aligned(RLY_CACHE_LINE_BYTES)))

#define RLY_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RLY_CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
