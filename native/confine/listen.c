#include "listen.h"

#include "common/cleanup.h"
#include "common/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* Other guests of the host may connect to a port of AF_VSOCK; after so many of them we give up. */
#define MAX_STRANGERS 64

static int listen_unix(struct listener *listener) {
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t old = umask(0177);
    int bound;

    if (strlen(listener->path) >= sizeof address.sun_path)
        return fail("expected a path of at most %zu bytes, found %s", sizeof address.sun_path - 1,
                    listener->path);
    memcpy(address.sun_path, listener->path, strlen(listener->path));
    bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(old);
    if (bound < 0 || lchown(listener->path, listener->uid, listener->gid) < 0 || listen(fd, 1) < 0)
        return fail_errno("cannot listen on %s", listener->path);
    return nk_take_fd(&fd);
}

static int listen_vsock(struct listener *listener) {
    cleanup_close int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK,
        .svm_cid = VMADDR_CID_ANY,
        .svm_port = VMADDR_PORT_ANY,
    };
    socklen_t size = sizeof address;

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0 || listen(fd, 4) < 0)
        return fail_errno("cannot listen on a vsock port");
    listener->port = address.svm_port;
    return nk_take_fd(&fd);
}

int listener_open(struct listener *listener) {
    listener->fd = listener->path ? listen_unix(listener) : listen_vsock(listener);
    return listener->fd < 0 ? -1 : 0;
}

int listener_report(const struct listener *listener) {
    return dprintf(STDOUT_FILENO, "listening %u\n", listener->port) < 0 ? fail_errno("cannot report the port")
                                                                        : 0;
}

static int is_guest(const struct listener *listener, const struct sockaddr_vm *peer) {
    return listener->path || peer->svm_cid == listener->cid;
}

int listener_accept(struct listener *listener) {
    for (int strangers = 0; strangers < MAX_STRANGERS;) {
        struct sockaddr_vm peer = {0};
        socklen_t size = sizeof peer;
        int fd = accept4(listener->fd, listener->path ? NULL : (struct sockaddr *)&peer,
                         listener->path ? NULL : &size, SOCK_CLOEXEC);

        if (fd >= 0 && is_guest(listener, &peer)) {
            close(listener->fd);
            return fd;
        }
        if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
            return fail_errno("cannot take the guest's connection");
        if (fd >= 0) {
            close(fd);
            strangers++;
        }
    }
    return fail("expected a connection of the guest %u, found %d of others", listener->cid, MAX_STRANGERS);
}
