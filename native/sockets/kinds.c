/*
 * nk-shadow socket-kinds PATH...: prints for each of these Unix sockets, one a line, "datagram" or "stream":
 * what connecting says, as the file does not. Nothing is sent, and no server notices: a server for streams
 * refuses a socket of another type before it is told.
 */
#include "commands.h"

#include "common/cleanup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool takes_datagrams(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    /* By its number: a long path does not fit, and it may be another one by now. */
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", file);
    return file >= 0 && fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

int socket_kinds_command(int count, char **paths) {
    for (int i = 0; i < count; i++)
        puts(takes_datagrams(paths[i]) ? "datagram" : "stream");
    return 0;
}
