#include "transport.h"

#include "base/agent.h"
#include "base/log.h"
#include "base/loop.h"
#include "channel.h"
#include "common/io.h"
#include "mark.h"
#include "port.h"
#include "vsock.h"
#include "wire.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FIRST_REDIAL_US 10000
#define LAST_REDIAL_US 1000000

struct nk_wire_user nk_wire_user;

static enum nk_transport_kind kind;
/* A descriptor that is not connected yet. */
static struct nk_source dialing = {.fd = -1};
static struct nk_source uevents = {.fd = -1};
static struct nk_timer redial;
static uint64_t redial_us = FIRST_REDIAL_US;

static void dial(void);

static void on_redial(struct nk_timer *timer) {
    (void)timer;
    dial();
}

static void dial_later(void) {
    redial.fire = on_redial;
    nk_timer_start(&redial, redial_us);
    if (redial_us < LAST_REDIAL_US)
        redial_us *= 2;
}

static void connected(int fd) {
    redial_us = FIRST_REDIAL_US;
    if (nk_channel_open(fd, kind == NK_TRANSPORT_PORT) < 0)
        nk_agent_die("the connection to the host: %s", strerror(errno));
    if (nk_channel_is_open())
        nk_wire_user.connected(0);
}

static void on_dialing(struct nk_source *source, uint32_t events) {
    int fd = source->fd;

    /* A port without a host hangs up, and is told when one comes. */
    if (kind == NK_TRANSPORT_PORT && (events & EPOLLHUP))
        return;
    if (kind == NK_TRANSPORT_VSOCK && nk_vsock_finish(fd) < 0) {
        nk_loop_close(source);
        dial_later();
        return;
    }
    nk_loop_remove(source);
    source->fd = -1;
    connected(fd);
}

static void await_connection(int fd, uint32_t events) {
    dialing.fd = fd;
    dialing.ready = on_dialing;
    if (nk_loop_add(&dialing, events) < 0)
        nk_agent_die("the connection to the host: %s", strerror(errno));
}

/* The kernel says when a device appears: the port is looked for again. */
static void on_uevent(struct nk_source *source, uint32_t events) {
    (void)events;
    nk_port_drain_uevents(source->fd);
    if (dialing.fd < 0 && !nk_channel_has_descriptor() && !redial.armed)
        dial();
}

static void dial_port(void) {
    int fd;

    if (uevents.fd < 0) {
        uevents.ready = on_uevent;
        uevents.fd = nk_port_open_uevents();
        if (uevents.fd < 0 || nk_loop_add(&uevents, EPOLLIN) < 0)
            nk_agent_die("netlink for device events: %s", strerror(errno));
    }
    fd = nk_port_open();
    if (fd >= 0)
        await_connection(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    else if (errno != ENOENT)
        dial_later();
}

static void dial_vsock(void) {
    int fd = nk_vsock_dial();

    if (fd >= 0)
        await_connection(fd, EPOLLOUT);
    else
        dial_later();
}

static void dial(void) {
    if (kind == NK_TRANSPORT_PORT)
        dial_port();
    else
        dial_vsock();
}

int nk_transport_start(enum nk_transport_kind wanted, int fd) {
    kind = wanted;
    if (kind != NK_TRANSPORT_FD) {
        dial();
        return 0;
    }
    if (nk_set_nonblock(fd, 1) < 0 || nk_set_cloexec(fd, 1) < 0)
        return -1;
    connected(fd);
    return 0;
}

void nk_transport_lost(const char *reason) {
    /* A port that is closed and opened would lose what a host that has come again has sent by then. */
    bool stays = kind == NK_TRANSPORT_PORT && nk_marks_known();

    if (!nk_channel_has_descriptor())
        return;
    if (stays)
        nk_channel_await_mark();
    else
        nk_channel_close();
    nk_wire_user.disconnected();
    nk_log(NK_INFO, "the connection to the host ended: %s", reason);
    if (kind == NK_TRANSPORT_FD)
        nk_wire_user.ended();
    else if (!stays)
        dial();
}

void nk_transport_fail(const char *reason) {
    nk_marks_forget();
    nk_transport_lost(reason);
}
