/* One connection to a port of the guest. */
#include "ports.h"

#include "common/cleanup.h"
#include "common/connect.h"
#include "common/http-upgrade.h"
#include "common/io.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define ANSWER_TIMEOUT_S 10

static int limit_wait(int fd, int seconds) {
    const struct timeval limit = {.tv_sec = seconds};

    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static int ask(const char *socket_path, in_port_t port) {
    cleanup_close int fd = connect_unix(socket_path);
    char endpoint[16];

    snprintf(endpoint, sizeof endpoint, "/ports/%u", port);
    if (fd < 0 || limit_wait(fd, ANSWER_TIMEOUT_S) < 0 || nk_http_upgrade(fd, endpoint, "") < 0 ||
        limit_wait(fd, 0) < 0)
        return -1;
    return nk_take_fd(&fd);
}

/* One chunk. 0: that side has ended, which the other one is told. */
static int pass_on(int from, int to) {
    static char chunk[CHUNK_BYTES];
    const ssize_t count = read(from, chunk, sizeof chunk);

    if (count > 0)
        return nk_write_all(to, chunk, (size_t)count) < 0 ? -1 : 1;
    if (count < 0)
        return -1;
    return shutdown(to, SHUT_WR);
}

static int carry_one_way(int from, int to) {
    int more;

    do {
        more = pass_on(from, to);
    } while (more > 0);
    if (more == 0)
        return 0;
    /* The other way ends with it. */
    shutdown(from, SHUT_RDWR);
    shutdown(to, SHUT_RDWR);
    return -1;
}

/* A process for each way: one that waits for its reader does not keep the other one. */
static int carry(int client, int server) {
    const pid_t parent = getpid();
    const pid_t child = fork();

    if (child < 0)
        return -1;
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
            _exit(1);
        _exit(carry_one_way(client, server) < 0);
    }
    carry_one_way(server, client);
    return waitpid(child, NULL, 0) < 0 && errno != ECHILD ? -1 : 0;
}

int port_carry(int client, const char *socket_path, in_port_t port) {
    cleanup_close int server = ask(socket_path, port);

    return server < 0 ? -1 : carry(client, server);
}
