/* Strings in and out of JSON. */
#ifndef NK_TEXT_H
#define NK_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A JSON string of bytes that may be no UTF-8: what is not becomes '?', and so does NUL. */
json_t *nk_json_text(const char *bytes, size_t n);

/* Decodes base64 with padding. The count of bytes, or <0: not base64, or more than size. */
int nk_base64_decode(const char *text, uint8_t *out, size_t size);

/* 1 … max characters of [A-Za-z0-9._-], and '+' where it is allowed; not "." or "..". */
bool nk_is_name(const char *text, size_t max, bool plus);

/* An absolute path below base: with a further component, and without empty, "." or ".." ones. */
bool nk_is_below(const char *path, const char *base);

#endif
