#include "console.h"

#include "base/rundir.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "process.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int nk_console_listen(struct nk_process *p, struct nk_error *e) {
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (fd < 0)
        return nk_fail_errno(e, "console socket");
    if (nk_rundir_file(p->console_path, sizeof p->console_path, "console", ".sock", e) < 0)
        return -1;
    strcpy(address.sun_path, p->console_path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0)
        return nk_fail_errno(e, "listen on %s", p->console_path);
    p->console_listener = nk_take_fd(&fd);
    return 0;
}

int nk_console_accept(struct nk_process *p, struct nk_error *e) {
    cleanup_close int fd = accept4(p->console_listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return nk_fail(e, NK_RUNTIME, "expected the runtime to send a terminal, found no connection from it");
    p->pty = nk_recv_fd(fd);
    if (p->pty < 0)
        return nk_fail(e, NK_RUNTIME,
                       "expected the runtime to send a terminal, found none on its connection");
    nk_console_close(p);
    return 0;
}

void nk_console_close(struct nk_process *p) {
    nk_cleanup_close(&p->console_listener);
    p->console_listener = -1;
    if (p->console_path[0])
        unlink(p->console_path);
    p->console_path[0] = '\0';
}
