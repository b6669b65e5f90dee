/* nk-shadow deepen-backlog: a program's listening sockets keep more connections that it has not taken yet. */
#include "commands.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/syscalls.h"
#include "common/words.h"

#include <ctype.h>
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

/* 1: it was a socket that listens. One that the program has closed meanwhile is none. */
static int deepen(int pidfd, int number) {
    cleanup_close int fd = nk_pidfd_getfd(pidfd, number);

    if (fd < 0)
        return errno == EBADF ? 0 : fail_errno("cannot take descriptor %d of the program", number);
    if (!listens_by_tcp(fd))
        return 0;
    return listen(fd, BACKLOG) < 0 ? fail_errno("descriptor %d of the program", number) : 1;
}

/* How many sockets there are. */
static int deepen_all(pid_t pid) {
    cleanup_close int pidfd = nk_pidfd_open(pid);
    cleanup_dir DIR *dir = NULL;
    struct dirent *entry;
    char path[64];
    int count = 0, one;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    dir = pidfd < 0 ? NULL : opendir(path);
    if (!dir)
        return fail_errno("cannot look at the descriptors of process %d", (int)pid);
    while ((entry = readdir(dir))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if ((one = deepen(pidfd, atoi(entry->d_name))) < 0)
            return -1;
        count += one;
    }
    return count;
}

int deepen_backlog_command(const char *pid) {
    unsigned number;
    int count;

    if (words_number(pid, &number) < 0) {
        fputs("usage: nk-shadow deepen-backlog PID\n", stderr);
        return 125;
    }
    count = deepen_all((pid_t)number);
    if (count == 0)
        fail("expected process %u to listen at a TCP port, found none", number);
    if (count > 0)
        return 0;
    fprintf(stderr, "nk-shadow deepen-backlog: %s\n", fail_text());
    return 1;
}
