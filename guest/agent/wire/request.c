#include "request.h"

#include "base/bigint.h"
#include "base/text.h"
#include "channel.h"

#include <stdlib.h>
#include <string.h>

static unsigned connection;

unsigned nk_requests_connection(void) {
    return connection;
}

void nk_requests_begin_connection(unsigned number) {
    connection = number;
}

/* The largest integer that the host's number type holds exactly. */
#define MAX_SEQ ((json_int_t)1 << 53)

/* The number of a request that cannot be read, if it is its first member as hosts write it; 0: it is not. */
static json_int_t leading_seq(const char *text, size_t n) {
    static const char head[] = "{\"seq\":";
    char digits[24] = "";

    if (n < sizeof head - 1 || memcmp(text, head, sizeof head - 1) != 0)
        return 0;
    text += sizeof head - 1;
    n -= sizeof head - 1;
    for (size_t i = 0; i < n && i < sizeof digits - 1 && text[i] >= '0' && text[i] <= '9'; i++)
        digits[i] = text[i];
    return strtoll(digits, NULL, 10);
}

int nk_request_parse(const char *text, size_t n, struct nk_request **out) {
    json_t *body = nk_json_load(text, n);
    json_int_t seq = body ? json_integer_value(json_object_get(body, "seq")) : leading_seq(text, n);
    struct nk_request *request = NULL;

    if (seq >= 1 && seq < MAX_SEQ)
        request = calloc(1, sizeof *request);
    if (!request) {
        json_decref(body);
        return -1;
    }
    request->seq = seq;
    request->body = body;
    *out = request;
    return 0;
}

static const struct nk_operation *find_operation(const struct nk_operation *op, const char *type) {
    while (op->type && strcmp(op->type, type) != 0)
        op++;
    return op->type ? op : NULL;
}

const struct nk_operation *nk_request_check(const struct nk_request *request,
                                            const struct nk_operation *operations, bool configured,
                                            struct nk_error *e) {
    const char *type = nk_request_text(request, "type");
    const struct nk_operation *op;

    if (!request->body) {
        nk_fail(e, NK_BAD_REQUEST,
                "expected a JSON object of UTF-8 with at most %d levels, found something else",
                JSON_PARSER_MAX_DEPTH);
        return NULL;
    }
    if (!type) {
        nk_fail(e, NK_BAD_REQUEST, "\"type\": expected a string, found something else");
        return NULL;
    }
    op = find_operation(operations, type);
    if (!op) {
        nk_fail(e, NK_UNSUPPORTED, "this agent has no operation \"%.64s\"", type);
        return NULL;
    }
    if (!configured && !op->before_configure) {
        nk_fail(e, NK_BAD_STATE, "\"configure\" must come before \"%s\"", type);
        return NULL;
    }
    if (nk_schema_check(op->members, request->body, e) < 0)
        return NULL;
    return op->check && op->check(request->body, e) < 0 ? NULL : op;
}

const char *nk_request_text(const struct nk_request *request, const char *name) {
    return json_string_value(json_object_get(request->body, name));
}

json_int_t nk_request_int(const struct nk_request *request, const char *name, json_int_t absent) {
    const json_t *value = json_object_get(request->body, name);

    return json_is_integer(value) ? json_integer_value(value) : absent;
}

bool nk_request_bool(const struct nk_request *request, const char *name) {
    return json_is_true(json_object_get(request->body, name));
}

void nk_request_free(struct nk_request *request) {
    if (!request)
        return;
    json_decref(request->body);
    free(request);
}

static int send_answer(const struct nk_request *request, json_t *answer) {
    if (request->connection != connection) {
        json_decref(answer);
        return 0;
    }
    return nk_channel_send_json(answer);
}

void nk_tell_progress(const struct nk_request *request, json_t *members) {
    json_t *event = json_pack("{s:s, s:I}", "event", "progress", "seq", request->seq);

    json_object_update(event, members);
    json_decref(members);
    send_answer(request, event);
}

void nk_answer(struct nk_request *request, json_t *members) {
    json_t *answer = json_pack("{s:I, s:s}", "seq", request->seq, "status", "success");
    struct nk_error e;

    if (members)
        json_object_update(answer, members);
    json_decref(members);
    if (send_answer(request, answer) < 0) {
        nk_fail(&e, NK_LIMIT, "the answer is larger than a control frame may be");
        nk_answer_error(request, &e);
        return;
    }
    nk_request_free(request);
}

void nk_answer_error(struct nk_request *request, const struct nk_error *e) {
    json_t *answer = json_pack("{s:I, s:s, s:s, s:o}", "seq", request->seq, "status", "error", "code",
                               e->code, "error", nk_json_text(e->text, strlen(e->text)));

    if (e->log[0])
        json_object_set_new(answer, "log", nk_json_text(e->log, strlen(e->log)));
    send_answer(request, answer);
    nk_request_free(request);
}
