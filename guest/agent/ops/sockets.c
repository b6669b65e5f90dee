/* listen, unlisten, accept: Unix sockets of the host. */
#include "operations.h"
#include "relay/relay.h"

static void answer(struct nk_request *request, int ret, const struct nk_error *e) {
    if (ret < 0)
        nk_answer_error(request, e);
    else
        nk_answer(request, NULL);
}

static uint32_t number(const struct nk_request *request, const char *name) {
    return (uint32_t)nk_request_int(request, name, 0);
}

void nk_op_listen(struct nk_request *request) {
    struct nk_error e;

    answer(request,
           nk_relay_listen(number(request, "socket"), nk_request_text(request, "target"),
                           number(request, "stream"), &e),
           &e);
}

void nk_op_unlisten(struct nk_request *request) {
    struct nk_error e;

    answer(request, nk_relay_forget(number(request, "socket"), &e), &e);
}

static uint32_t stream(const struct nk_request *request, const char *name) {
    return (uint32_t)json_integer_value(json_object_get(json_object_get(request->body, "streams"), name));
}

void nk_op_accept(struct nk_request *request) {
    struct nk_error e;

    answer(request,
           nk_relay_accept(number(request, "socket"), number(request, "connection"), stream(request, "stdin"),
                           stream(request, "stdout"), &e),
           &e);
}
