/* listen, unlisten, accept: Unix sockets of the host. connect: ports of the guest. */
#include "operations.h"
#include "relay/dial.h"
#include "relay/relay.h"

#include <unistd.h>

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

/* Whoever asked may be gone: what it is told then are streams of nobody. */
static void dialled(void *data, int fd, const struct nk_error *refused) {
    struct nk_request *request = data;
    struct nk_error e;

    if (fd < 0)
        return nk_answer_error(request, refused);
    if (request->connection != nk_requests_connection()) {
        close(fd);
        return nk_request_free(request);
    }
    answer(request, nk_relay_take(fd, stream(request, "stdin"), stream(request, "stdout"), &e), &e);
}

void nk_op_connect(struct nk_request *request) {
    struct nk_error e;

    if (nk_dial((uint16_t)number(request, "port"), dialled, request, &e) < 0)
        nk_answer_error(request, &e);
}
