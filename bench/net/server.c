/*
 * What a container of bench/net serves besides iperf3: net-server PORT. It answers "GET /stat" with the
 * kernel's /proc/stat and any other GET with a short page, and then closes; on a connection that begins with
 * anything else it sends back what comes. One process: a fork for each request would be most of what is
 * measured under emulation. Prints "net-server is ready" when it listens.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define MAX_EVENTS 256

static int poller;

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    must(fd >= 0, "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0, "SO_REUSEADDR");
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(listen(fd, BACKLOG) == 0, "listen");
    return fd;
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    must(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void accept_all(int listener) {
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(fd);
    }
    must(errno == EAGAIN || errno == ECONNABORTED, "accept");
}

static size_t read_stat(char *to, size_t max) {
    int fd = open("/proc/stat", O_RDONLY);
    ssize_t got;

    must(fd >= 0, "/proc/stat");
    got = read(fd, to, max);
    must(got > 0, "/proc/stat");
    close(fd);
    return (size_t)got;
}

/** One write: an answer is much smaller than a socket's buffer. */
static void answer(int fd, const char *request) {
    static char page[64 * 1024] = ANSWER_HEAD;
    char *body = page + sizeof ANSWER_HEAD - 1;
    size_t length = BODY_BYTES;

    memset(body, 'x', BODY_BYTES);
    if (strncmp(request, "GET /stat ", 10) == 0)
        length = read_stat(body, sizeof page - sizeof ANSWER_HEAD);
    /* Who has gone meanwhile does not miss it. */
    if (write(fd, page, (size_t)(body - page) + length) >= 0)
        shutdown(fd, SHUT_WR);
    close(fd);
}

/** A request comes in one piece: it is shorter than any segment. */
static void serve(int fd) {
    char bytes[4096];
    ssize_t got = read(fd, bytes, sizeof bytes - 1);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got > 0 && bytes[0] == 'G') {
        bytes[got] = '\0';
        answer(fd, bytes);
    } else if (got <= 0 || write(fd, bytes, (size_t)got) != got) {
        close(fd);
    }
}

int main(int argc, char **argv) {
    struct epoll_event events[MAX_EVENTS];
    int listener, count;

    must(argc == 2, "usage: net-server PORT");
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    poller = epoll_create1(0);
    must(poller >= 0, "epoll_create1");
    listener = listen_on(atoi(argv[1]));
    watch(listener);
    puts("net-server is ready");
    fflush(stdout);
    while ((count = epoll_wait(poller, events, MAX_EVENTS, -1)) > 0 || errno == EINTR) {
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener);
            else
                serve(events[i].data.fd);
        }
    }
    return 1;
}
