#include "connect.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int connect_address(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return nk_take_fd(&fd);
}

/* Long paths go through an open directory: /proc/self/fd/N/NAME is short. */
int connect_unix(const char *path) {
    char text[PATH_MAX];
    const char *slash = strrchr(path, '/');
    cleanup_close int directory = -1;

    if (!slash || strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path)
        return connect_address(path);
    snprintf(text, sizeof text, "%.*s/", (int)(slash - path), path);
    directory = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -1;
    snprintf(text, sizeof text, "/proc/self/fd/%d/%s", directory, slash + 1);
    return connect_address(text);
}
