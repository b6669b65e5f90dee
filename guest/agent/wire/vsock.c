#include "vsock.h"

#include "common/cleanup.h"
#include "machine/modules.h"

#include <errno.h>
/* linux/vm_sockets.h needs it first. */
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#define AGENT_PORT 52

/* A kernel with modules has no such sockets before it has loaded one. */
static int new_socket(int flags) {
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    if (fd < 0 && errno == EAFNOSUPPORT && nk_modules_load_later("vmw_vsock_virtio_transport") == 0)
        fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    return fd;
}

static int connect_to(uint32_t port, int flags) {
    cleanup_close int fd = new_socket(flags);
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK,
        .svm_cid = VMADDR_CID_HOST,
        .svm_port = port,
    };

    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        return -1;
    return nk_take_fd(&fd);
}

int nk_vsock_dial(void) {
    return connect_to(AGENT_PORT, SOCK_NONBLOCK);
}

int nk_vsock_connect(uint32_t port) {
    return connect_to(port, 0);
}

int nk_vsock_finish(int fd) {
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -1;
    errno = error;
    return error == 0 ? 0 : -1;
}
