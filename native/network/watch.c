/*
 * nk-shadow watch-network NETNS: prints "ready" once it hears what changes in that network namespace, then
 * "changed" after each burst of changes of links, addresses, routes, rules, neighbours and queues. Ends when
 * nobody reads.
 */
#include "commands.h"
#include "netlink.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define GROUPS                                                                                               \
    (RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_TC | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |  \
     RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE | 1 << (RTNLGRP_IPV6_RULE - 1))

/* What a bridge learns is traffic, not configuration. */
static bool matters(const struct nlmsghdr *message) {
    const struct ndmsg *neighbour = NLMSG_DATA(message);

    if (message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH)
        return true;
    return message->nlmsg_len >= NLMSG_LENGTH(sizeof *neighbour) && neighbour->ndm_family != AF_BRIDGE;
}

/* Reads all that is there. 1: something matters. What the kernel had no room for may have. */
static int drain(int socket) {
    static char buffer[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
    int changed = 0;

    for (;;) {
        const ssize_t count = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
        unsigned left = (unsigned)count;

        if (count < 0 && errno == ENOBUFS)
            changed = 1;
        else if (count < 0)
            return errno == EAGAIN || errno == EINTR ? changed : fail_errno("recv");
        else
            for (struct nlmsghdr *at = (struct nlmsghdr *)buffer; NLMSG_OK(at, left);
                 at = NLMSG_NEXT(at, left))
                changed |= matters(at);
    }
}

static int watch(int socket) {
    struct pollfd ends[] = {{.fd = socket, .events = POLLIN}, {.fd = 1, .events = 0}};

    if (nk_write_all(1, "ready\n", 6) < 0)
        return fail_errno("standard output");
    for (;;) {
        int changed;

        if (poll(ends, 2, -1) < 0 && errno != EINTR)
            return fail_errno("poll");
        if (ends[1].revents)
            return 0;
        if ((changed = drain(socket)) < 0)
            return -1;
        if (changed && nk_write_all(1, "changed\n", 8) < 0)
            return fail_errno("standard output");
    }
}

static int enter(const char *netns) {
    cleanup_close int fd = open(netns, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
        return fail_errno("%s", netns);
    return 0;
}

int watch_network_command(const char *netns) {
    cleanup_close int socket = -1;

    if (enter(netns) == 0) {
        if ((socket = netlink_open(GROUPS)) < 0)
            fail_errno("cannot open a netlink socket");
        else if (watch(socket) == 0)
            return 0;
    }
    fprintf(stderr, "nk-shadow watch-network: %s\n", fail_text());
    return 1;
}
