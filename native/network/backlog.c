/* nk-shadow deepen-backlog: a program's listening sockets keep more connections that it has not taken yet. */
#include "commands.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/foreign-descriptors.h"
#include "common/syscalls.h"
#include "common/words.h"

#include <sys/socket.h>

/* The default of net.core.somaxconn, which limits it further. */
#define BACKLOG 4096

static int option_of(int fd, int name) {
    int value = -1;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

static int listens_by_tcp(int fd) {
    const int domain = option_of(fd, SO_DOMAIN);

    return (domain == AF_INET || domain == AF_INET6) && option_of(fd, SO_ACCEPTCONN) == 1;
}

/* One that the program has closed meanwhile is none that listens. */
static int deepen(int pidfd, int folder, const char *name) {
    cleanup_close int fd = nk_pidfd_getfd(pidfd, atoi(name));

    (void)folder;
    if (fd < 0)
        return errno == EBADF ? 0 : fail_errno("cannot take descriptor %s of the program", name);
    if (!listens_by_tcp(fd))
        return 0;
    return listen(fd, BACKLOG) < 0 ? fail_errno("descriptor %s of the program", name) : 1;
}

int deepen_backlog_command(const char *pid) {
    unsigned number;
    int count;

    if (words_number(pid, &number) < 0) {
        fputs("usage: nk-shadow deepen-backlog PID\n", stderr);
        return 125;
    }
    count = foreign_descriptors((pid_t)number, deepen);
    if (count == 0)
        fail("expected process %u to listen at a TCP port, found none", number);
    if (count > 0)
        return 0;
    fprintf(stderr, "nk-shadow deepen-backlog: %s\n", fail_text());
    return 1;
}
