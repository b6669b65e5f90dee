/* The relay of a name server, between sockets of one network namespace: its guest is at 127.0.0.2. */
#ifndef NK_RELAY_RIG_H
#define NK_RELAY_RIG_H

#include "check.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "network/relay.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define WAIT_MS 20000

static int server_udp, server_tcp;
static struct relay_ways ways;
static struct sockaddr_in asked_udp, asked_tcp;
static pid_t relay_pid;
static int relay_until;

static inline void has(int fd) {
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    CHECK(poll(&polled, 1, WAIT_MS) == 1);
}

static inline int has_nothing(int fd) {
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, 0) == 0;
}

static inline int listen_at(const char *address, int type, struct sockaddr_in *at) {
    socklen_t size = sizeof *at;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address)};
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)at, size) == 0);
    CHECK(type != SOCK_STREAM || listen(fd, 64) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)at, &size) == 0);
    return fd;
}

static inline int connected(const struct sockaddr_in *to, int type) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof *to) == 0);
    return fd;
}

/* One port for both, as name servers have it: the first that UDP gets may be taken for TCP. */
static inline void open_server(void) {
    struct sockaddr_in *at = &ways.items[0].server;

    server_udp = listen_at("127.0.0.3", SOCK_DGRAM, at);
    server_tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(bind(server_tcp, (struct sockaddr *)at, sizeof *at) == 0 && listen(server_tcp, 64) == 0);
}

static inline void start(void) {
    int ends[2];

    CHECK(pipe(ends) == 0);
    fflush(stdout);
    CHECK((relay_pid = fork()) >= 0);
    if (relay_pid == 0) {
        close(ends[0]);
        close(server_udp);
        close(server_tcp);
        exit(relay_serve(&ways, ends[1]) == 0 ? 0 : 1);
    }
    close(ends[1]);
    relay_until = ends[0];
}

static inline int descriptors_of_relay(void) {
    char path[64];
    int count = 0;
    cleanup_dir DIR *folder = NULL;

    snprintf(path, sizeof path, "/proc/%d/fd", relay_pid);
    CHECK((folder = opendir(path)) != NULL);
    while (readdir(folder))
        count++;
    return count;
}

static inline struct sockaddr_in receive_query(const char *expected) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    char text[64] = "";

    has(server_udp);
    CHECK(recvfrom(server_udp, text, sizeof text - 1, 0, (struct sockaddr *)&from, &size) > 0);
    CHECK(strcmp(text, expected) == 0);
    return from;
}

static inline void answer_query(const struct sockaddr_in *to, const char *text) {
    CHECK(sendto(server_udp, text, strlen(text), 0, (const struct sockaddr *)to, sizeof *to) > 0);
}

static inline void receives(int fd, const char *expected) {
    char text[64] = "";

    has(fd);
    CHECK(recv(fd, text, sizeof text - 1, 0) == (ssize_t)strlen(expected));
    CHECK(strcmp(text, expected) == 0);
}

/* A namespace with a loopback device, the sockets of the relay and those of its server. */
static inline void open_all(void) {
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    CHECK(unshare(CLONE_NEWNET) == 0);
    ways.count = 1;
    ways.items[0].udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(ioctl(ways.items[0].udp, SIOCSIFFLAGS, &loopback) == 0);
    close(ways.items[0].udp);
    ways.items[0].udp = listen_at("127.0.0.2", SOCK_DGRAM, &asked_udp);
    ways.items[0].tcp = listen_at("127.0.0.2", SOCK_STREAM, &asked_tcp);
    open_server();
}

#endif
