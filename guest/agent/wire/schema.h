/* What a request may look like: checked before any operation sees it. */
#ifndef NK_SCHEMA_H
#define NK_SCHEMA_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

enum nk_kind {
    NK_END = 0,
    NK_ANY_ID,  /* a container's id */
    NK_SESSION, /* min 0: may be empty */
    NK_TEXT,    /* min … max bytes */
    NK_WORD,    /* one of words */
    NK_WORDS,   /* a list of them */
    NK_INTEGER, /* min … max */
    NK_BOOLEAN,
    NK_OBJECT,
    NK_RUN_PATH,    /* below the agent's run folder */
    NK_BASE64,      /* at most max bytes, decoded */
    NK_DIGITS,      /* a decimal number in a string, at most max digits */
    NK_STREAMS,     /* {stdin, stdout, stderr}: distinct ids */
    NK_STREAM_ROWS, /* [[id, bytes, credit], …] */
    NK_OBJECTS,     /* a list of at most max objects */
};

struct nk_member {
    const char *name;
    enum nk_kind kind;
    bool required;
    json_int_t min;
    json_int_t max;
    const char *const *words;
};

/* Checks the members that the list (ended by NK_END) names; others are ignored. */
int nk_schema_check(const struct nk_member *members, const json_t *body, struct nk_error *e);

#endif
