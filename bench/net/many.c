/* Many connections at once: net-client requests, and net-client connections. */
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_EVENTS 256
#define MAX_CONNECTIONS 4096

static const char REQUEST[] = "GET / HTTP/1.0\r\n\r\n";

static int poller = -1;
/** By descriptor: bytes that have come. */
static size_t received[MAX_CONNECTIONS + 64];

static void make_poller(void) {
    poller = epoll_create1(0);
    must(poller >= 0, "epoll_create1");
}

static void watch(int op, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};

    must(epoll_ctl(poller, op, fd, &event) == 0, "epoll_ctl");
}

/** Begins to connect; an event comes once, when that has ended. */
static void begin(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    must(fd >= 0 && fd < (int)(sizeof received / sizeof *received), "socket");
    received[fd] = 0;
    /* What is wrong at once is told by epoll as what is wrong later. */
    must(connect(fd, (struct sockaddr *)&server, sizeof server) == 0 || errno == EINPROGRESS, "connect");
    watch(EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLONESHOT);
}

static int is_open(int fd) {
    int error = 0;
    socklen_t size = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

/** Sends it, and waits for what comes. @returns 1: it went */
static int send_all(int fd, const char *bytes, size_t length) {
    if (!is_open(fd) || write(fd, bytes, length) != (ssize_t)length)
        return 0;
    watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    return 1;
}

enum outcome { MORE, GOOD, BAD };

/** @param whole bytes of what is to come. @param until_end the server closes after it */
static enum outcome receive(int fd, size_t whole, int until_end) {
    char bytes[8192];
    ssize_t got = read(fd, bytes, sizeof bytes);

    if (got < 0)
        return errno == EAGAIN ? MORE : BAD;
    received[fd] += (size_t)got;
    if (got == 0 || (!until_end && received[fd] >= whole))
        return received[fd] == whole ? GOOD : BAD;
    return MORE;
}

void requests(int count, int parallel) {
    struct epoll_event events[MAX_EVENTS];
    int begun = 0, ended = 0, good = 0, ready;
    long long start_us = now_us();

    make_poller();
    for (; begun < count && begun < parallel; begun++)
        begin();
    while (ended < count && (ready = epoll_wait(poller, events, MAX_EVENTS, SILENCE_MS)) > 0) {
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            enum outcome outcome = MORE;

            if (events[i].events & EPOLLOUT)
                outcome = send_all(fd, REQUEST, sizeof REQUEST - 1) ? MORE : BAD;
            else
                outcome = receive(fd, ANSWER_BYTES, 1);
            if (outcome == MORE)
                continue;
            close(fd);
            ended++;
            good += outcome == GOOD;
            if (begun < count) {
                begin();
                begun++;
            }
        }
    }
    say(now_us() - start_us, count - good);
}

/** @returns how many there are; their descriptors are in `open` */
static int open_all(int count, int *open) {
    struct epoll_event events[MAX_EVENTS];
    int ended = 0, opened = 0, ready;

    for (int i = 0; i < count; i++)
        begin();
    while (ended < count && (ready = epoll_wait(poller, events, MAX_EVENTS, SILENCE_MS)) > 0) {
        for (int i = 0; i < ready; i++, ended++) {
            if (is_open(events[i].data.fd))
                open[opened++] = events[i].data.fd;
            else
                close(events[i].data.fd);
        }
    }
    return opened;
}

void connections(int count) {
    static int open[MAX_CONNECTIONS];
    static char bytes[ECHO_BYTES];
    struct epoll_event events[MAX_EVENTS];
    long long start_us = now_us();
    int ended = 0, good = 0, ready, opened;

    must(count <= MAX_CONNECTIONS, "connections");
    make_poller();
    memset(bytes, 'x', sizeof bytes);
    opened = open_all(count, open);
    for (int i = 0; i < opened; i++)
        ended += !send_all(open[i], bytes, sizeof bytes);
    while (ended < opened && (ready = epoll_wait(poller, events, MAX_EVENTS, SILENCE_MS)) > 0) {
        for (int i = 0; i < ready; i++) {
            enum outcome outcome = receive(events[i].data.fd, ECHO_BYTES, 0);

            if (outcome == MORE)
                continue;
            watch(EPOLL_CTL_DEL, events[i].data.fd, 0);
            ended++;
            good += outcome == GOOD;
        }
    }
    say(now_us() - start_us, count - good);
}
