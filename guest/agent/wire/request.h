/* Requests: from the bytes of a CONTROL frame to a checked request, and back to an answer. */
#ifndef NK_REQUEST_H
#define NK_REQUEST_H

#include "base/error.h"
#include "schema.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nk_request {
    struct nk_request *next;
    json_int_t seq;
    unsigned connection; /* an answer to an earlier connection is dropped */
    json_t *body;        /* NULL: could not be read */
};

struct nk_operation {
    const char *type;
    bool before_configure;
    const struct nk_member *members;
    /* What members must be together; NULL: nothing more. */
    int (*check)(const json_t *body, struct nk_error *e);
    /* Owns the request: answers it now or later. */
    void (*run)(struct nk_request *request);
};

/* <0: a protocol error (no usable seq). Otherwise *out is the request, whatever it asks for; without a body
 * if it is no JSON object. */
int nk_request_parse(const char *text, size_t n, struct nk_request **out);

/* The row of the table (ended by one without a type), if the request is one that may run now; else NULL and
 * the error to answer with. */
const struct nk_operation *nk_request_check(const struct nk_request *request,
                                            const struct nk_operation *operations, bool configured,
                                            struct nk_error *e);

/* 1, 2 … : counts connections. Answers to requests of an earlier one are dropped. */
unsigned nk_requests_connection(void);
void nk_requests_begin_connection(unsigned number);

/* Members that the schema has checked. */
const char *nk_request_text(const struct nk_request *request, const char *name);
json_int_t nk_request_int(const struct nk_request *request, const char *name, json_int_t absent);
bool nk_request_bool(const struct nk_request *request, const char *name);

/* Each answers and frees the request. Members (or NULL) are added to the answer; the reference is taken over.
 */
void nk_answer(struct nk_request *request, json_t *members);
void nk_answer_error(struct nk_request *request, const struct nk_error *e);

/* An event that says how far the work for a request is; the request stays. The reference is taken over. */
void nk_tell_progress(const struct nk_request *request, json_t *members);

/* Frees without an answer: none is waited for any more. */
void nk_request_free(struct nk_request *request);

#endif
