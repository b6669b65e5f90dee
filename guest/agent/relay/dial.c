#include "dial.h"

#include "base/loop.h"
#include "common/cleanup.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of a server that has no room for more. */
#define WAIT_US 10000000

struct dial {
    struct nk_source source;
    struct nk_timer deadline;
    uint16_t port;
    sa_family_t family; /* that is tried now */
    nk_dialled *then;
    void *data;
};

static void finish(struct dial *dial, int fd, const struct nk_error *e) {
    nk_timer_stop(&dial->deadline);
    dial->then(dial->data, fd, e);
    free(dial);
}

static int connect_to(uint16_t port, sa_family_t family) {
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr *address =
        family == AF_INET ? (const struct sockaddr *)&four : (const struct sockaddr *)&six;
    const socklen_t length = family == AF_INET ? sizeof four : sizeof six;
    cleanup_close int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || (connect(fd, address, length) < 0 && errno != EINPROGRESS))
        return -1;
    return nk_take_fd(&fd);
}

/* Refused at once, it has no socket in the loop. */
static int attempt(struct dial *dial, sa_family_t family) {
    dial->family = family;
    dial->source.fd = connect_to(dial->port, family);
    if (dial->source.fd < 0)
        return -1;
    if (nk_loop_add(&dial->source, EPOLLOUT) == 0)
        return 0;
    close(dial->source.fd);
    dial->source.fd = -1;
    return -1;
}

static void give_up(struct dial *dial) {
    struct nk_error e;

    nk_fail(&e, NK_NOT_FOUND, "nobody listens at port %u of the guest", dial->port);
    finish(dial, -1, &e);
}

static void on_answer(struct nk_source *source, uint32_t events) {
    struct dial *dial = (struct dial *)source;
    int error = 0;
    socklen_t size = sizeof error;

    (void)events;
    if (getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) {
        nk_loop_remove(source);
        return finish(dial, source->fd, NULL);
    }
    nk_loop_close(source);
    if (dial->family == AF_INET6 || attempt(dial, AF_INET6) < 0)
        give_up(dial);
}

static void on_deadline(struct nk_timer *timer) {
    struct dial *dial = (struct dial *)((char *)timer - offsetof(struct dial, deadline));
    struct nk_error e;

    nk_loop_close(&dial->source);
    nk_fail(&e, NK_LIMIT, "who listens at port %u of the guest takes no more connections", dial->port);
    finish(dial, -1, &e);
}

int nk_dial(uint16_t port, nk_dialled *then, void *data, struct nk_error *e) {
    struct dial *dial = calloc(1, sizeof *dial);

    if (!dial)
        return nk_fail_errno(e, "connect");
    *dial = (struct dial){.port = port, .then = then, .data = data};
    dial->source.ready = on_answer;
    dial->deadline.fire = on_deadline;
    if (attempt(dial, AF_INET) < 0 && attempt(dial, AF_INET6) < 0) {
        free(dial);
        return nk_fail(e, NK_NOT_FOUND, "nobody listens at port %u of the guest", port);
    }
    nk_timer_start(&dial->deadline, WAIT_US);
    return 0;
}
