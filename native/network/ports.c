/*
 * nk-shadow forward-ports NETNS SOCKET: for who connects from within a network namespace to its own
 * addresses, whose servers are in a guest. Listens in NETNS at a port of 127.0.0.1, and of ::1 where there is
 * such, and prints them ("PORT4 PORT6", 0: none). Rules of the namespace lead all others there: the port that
 * was meant is asked for at SOCKET, a monitor's. Ends when nobody reads.
 */
#include "ports.h"
#include "commands.h"

#include "common/capabilities.h"
#include "common/cleanup.h"
#include "common/fail.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 128
/* Of linux/netfilter_ipv6/ip6_tables.h, which has no header of its own for it. */
#define IP6T_SO_ORIGINAL_DST 80

struct door {
    int fd; /* -1: none */
    in_port_t port;
};

static int listen_at(const struct sockaddr *address, socklen_t length) {
    cleanup_close int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, address, length) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    return nk_take_fd(&fd);
}

static int open_door4(struct door *door) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    door->fd = listen_at((struct sockaddr *)&address, length);
    if (door->fd < 0 || getsockname(door->fd, (struct sockaddr *)&address, &length) < 0)
        return fail_errno("cannot listen at 127.0.0.1");
    door->port = ntohs(address.sin_port);
    return 0;
}

/* A namespace may have no IPv6. */
static void open_door6(struct door *door) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t length = sizeof address;

    door->fd = listen_at((struct sockaddr *)&address, length);
    if (door->fd >= 0 && getsockname(door->fd, (struct sockaddr *)&address, &length) == 0)
        door->port = ntohs(address.sin6_port);
}

/* 0: it was not led here by a rule. */
static in_port_t meant_port(int client, int is_six) {
    struct sockaddr_in6 six = {0};
    struct sockaddr_in four = {0};
    socklen_t length = is_six ? sizeof six : sizeof four;

    if (is_six)
        return getsockopt(client, SOL_IPV6, IP6T_SO_ORIGINAL_DST, &six, &length) < 0 ? 0
                                                                                     : ntohs(six.sin6_port);
    return getsockopt(client, SOL_IP, SO_ORIGINAL_DST, &four, &length) < 0 ? 0 : ntohs(four.sin_port);
}

/* In a process of its own: it may last for hours, and costs nobody else anything. */
static void take(const struct door *door, int is_six, const char *socket_path) {
    cleanup_close int client = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
    const pid_t parent = getpid();
    in_port_t port;

    if (client < 0 || (port = meant_port(client, is_six)) == 0 || port == door->port || fork() != 0)
        return;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    _exit(port_carry(client, socket_path, port) < 0);
}

static int serve(const struct door doors[2], const char *socket_path) {
    struct pollfd polled[3] = {
        {.fd = doors[0].fd, .events = POLLIN}, {.fd = doors[1].fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};

    for (;;) {
        if (poll(polled, 3, -1) < 0)
            return fail_errno("poll");
        if (polled[2].revents)
            return 0;
        for (int i = 0; i < 2; i++) {
            if (polled[i].revents)
                take(&doors[i], i == 1, socket_path);
        }
    }
}

/* Other users than root may not connect to a monitor. */
static int give_up_rights(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || capabilities_set(0) < 0
               ? fail_errno("cannot give up rights")
               : 0;
}

static int enter(const char *netns) {
    cleanup_close int fd = open(netns, O_RDONLY | O_CLOEXEC);

    return fd < 0 || setns(fd, CLONE_NEWNET) < 0 ? fail_errno("%s", netns) : 0;
}

int forward_ports_command(const char *netns, const char *socket_path) {
    struct door doors[2] = {{.fd = -1}, {.fd = -1}};

    /* Nobody asks how a connection has ended. */
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (enter(netns) == 0 && open_door4(&doors[0]) == 0) {
        open_door6(&doors[1]);
        printf("%u %u\n", doors[0].port, doors[1].port);
        if (give_up_rights() == 0 && fflush(stdout) == 0 && serve(doors, socket_path) == 0)
            return 0;
    }
    fprintf(stderr, "nk-shadow forward-ports: %s\n", fail_text());
    return 1;
}
