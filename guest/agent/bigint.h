/*
 * JSON with unsigned 64-bit integers. config.json has them (a resource limit "infinity" is
 * 18446744073709551615), jansson's integers are signed. Such a number is kept as a marked string while it is
 * in memory.
 */
#ifndef NK_BIGINT_H
#define NK_BIGINT_H

#include <jansson.h>
#include <stddef.h>

/* NULL: no JSON object. Integers over 2^64-1 become 2^64-1 (a host's floating point rounds up). */
json_t *nk_json_load(const char *text, size_t n);

/* The text of a value, with marked strings as numbers again; free() it. */
char *nk_json_dump(const json_t *value);

#endif
