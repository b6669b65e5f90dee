#include "address.h"

#include <err.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address_of(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
    return address;
}

static int new_socket(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        err(1, "socket");
    return fd;
}

int listen_abstract(const char *name) {
    struct sockaddr_un address = address_of(name);
    int fd = new_socket();

    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0)
        err(1, "%s", name);
    return fd;
}

int connect_abstract(const char *name) {
    struct sockaddr_un address = address_of(name);
    int fd = new_socket();

    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}
