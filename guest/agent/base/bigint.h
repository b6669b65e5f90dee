/*
 * JSON with integers of any size. config.json has unsigned ones (a resource limit "infinity" is
 * 18446744073709551615), jansson's are signed, of 64 bits. Such a number is kept as a marked string while it
 * is in memory, and written as it came.
 */
#ifndef NK_BIGINT_H
#define NK_BIGINT_H

#include <jansson.h>
#include <stddef.h>

/* NULL: no JSON object. */
json_t *nk_json_load(const char *text, size_t n);

/* The text of a value, with marked strings as numbers again; free() it. */
char *nk_json_dump(const json_t *value);

#endif
