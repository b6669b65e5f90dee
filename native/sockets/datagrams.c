/*
 * nk-shadow send-datagrams: sends messages to the Unix socket whose file is on descriptor 0 (O_PATH), which
 * node cannot. They come on descriptor 3, each after its length (u32, little-endian). Ends with that input.
 * What the socket does not take is lost, as it is said of datagrams.
 */
#include "commands.h"

#include "common/cleanup.h"
#include "common/frame.h"
#include "common/io.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define INPUT_FD 3

static int send_all(int fd) {
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/proc/self/fd/0"};
    static uint8_t message[NK_DATA_MAX_BYTES];
    uint8_t head[4];

    while (nk_read_full(INPUT_FD, head, sizeof head) == sizeof head) {
        const uint32_t length = nk_get_u32(head);
        if (length > sizeof message || nk_read_full(INPUT_FD, message, length) != length)
            return 1;
        (void)!sendto(fd, message, length, 0, (const struct sockaddr *)&address, sizeof address);
    }
    return 0;
}

int send_datagrams_command(void) {
    cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    signal(SIGPIPE, SIG_IGN);
    if (fd < 0) {
        perror("nk-shadow send-datagrams: socket");
        return 1;
    }
    return send_all(fd);
}
