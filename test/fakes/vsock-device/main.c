/* vsock-device NAME CID: a virtio-vsock device for QEMU (vhost-user), whose host's side is Unix sockets.
 * QEMU connects to the abstract socket NAME-vhost. Who connects to NAME-connect and sends "PORT\n" gets a
 * connection to that port of the guest, which begins with '+'. For each connection of the guest we connect to
 * NAME-dial, send "PORT\n", and wait for '+'. Says "ready" once it listens, and ends with QEMU's connection.
 */
#include "address.h"
#include "vhost-user.h"
#include "vsock.h"

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    QEMU,
    LISTENER,
    KICKS,
    FIRST_CONNECTION = KICKS + QUEUES,
    POLLED = FIRST_CONNECTION + MAX_CONNECTIONS
};

static struct pollfd polled[POLLED];

static short wanted(const struct connection *c) {
    short events = c->waiting_size > 0 ? POLLOUT : 0;

    if (c->state == NAMING || c->state == DIALING)
        events |= POLLIN;
    if (c->state == OPEN && !c->host_ended && connection_credit(c) > 0 && vsock_has_room())
        events |= POLLIN;
    return events;
}

static void await(void) {
    for (int i = 0; i < QUEUES; i++)
        polled[KICKS + i] = (struct pollfd){.fd = queues[i].kick, .events = POLLIN};
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        const struct connection *c = &connections[i];
        short events = c->state == UNUSED ? 0 : wanted(c);
        /* What nobody waits for is left out: a hang-up would be told again and again. */
        polled[FIRST_CONNECTION + i] = (struct pollfd){.fd = events ? c->fd : -1, .events = events};
    }
    if (poll(polled, POLLED, -1) < 0)
        err(1, "poll");
}

static void serve_connections(void) {
    static bool readable[MAX_CONNECTIONS];

    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        short events = polled[FIRST_CONNECTION + i].revents;
        readable[i] = events & (POLLIN | POLLHUP | POLLERR);
        if (c->state == UNUSED)
            continue;
        if (readable[i] && (c->state == NAMING || c->state == DIALING)) {
            vsock_host_said(c);
            readable[i] = false;
        } else if (events & POLLOUT) {
            vsock_host_takes(c);
        }
    }
    vsock_take();
    vsock_give(readable);
}

static void drain_kicks(void) {
    uint64_t count;

    for (int i = 0; i < QUEUES; i++)
        if (polled[KICKS + i].revents & POLLIN && read(queues[i].kick, &count, sizeof count) < 0)
            warn("kick");
}

static void accept_host(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0 && !connection_new(fd, NAMING))
        close(fd);
}

static int listen_at(const char *name, const char *what) {
    char full[100];

    snprintf(full, sizeof full, "%s-%s", name, what);
    return listen_abstract(full);
}

int main(int argc, char **argv) {
    char dial[100];
    int listener;

    if (argc != 3)
        errx(2, "usage: vsock-device NAME CID");
    snprintf(dial, sizeof dial, "%s-dial", argv[1]);
    vsock_dial_to(dial);
    listener = listen_at(argv[1], "vhost");
    polled[LISTENER] = (struct pollfd){.fd = listen_at(argv[1], "connect"), .events = POLLIN};
    puts("ready");
    fflush(stdout);
    polled[QEMU] = (struct pollfd){.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), .events = POLLIN};
    for (;;) {
        await();
        if (polled[QEMU].revents && !vhost_user_message(polled[QEMU].fd, strtoull(argv[2], NULL, 10)))
            return 0;
        if (polled[LISTENER].revents & POLLIN)
            accept_host(polled[LISTENER].fd);
        drain_kicks();
        serve_connections();
    }
}
