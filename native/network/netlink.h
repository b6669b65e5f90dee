/* Requests of rtnetlink(7), one at a time. All return <0 with errno set on failure. */
#ifndef NK_NETLINK_H
#define NK_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#define NETLINK_MAX_BYTES 1024

struct netlink_request {
    struct nlmsghdr header;
    char body[NETLINK_MAX_BYTES];
};

/* A socket of the network namespace that this thread is in, in those groups (a sum of RTMGRP_). */
int netlink_open(unsigned groups);

/* Begins a request with the fixed part of its kind. */
void netlink_begin(struct netlink_request *request, int type, int flags, const void *fixed, size_t size);

/* Adds an attribute; with `size` 0 one that others are to be put into until netlink_end(). The requests of
 * this program fit: one that does not ends it. */
struct rtattr *netlink_put(struct netlink_request *request, int type, const void *data, size_t size);
void netlink_end(struct netlink_request *request, struct rtattr *nest);

/* Sends it and waits for the kernel's answer, which comes at once. */
int netlink_ask(int socket, struct netlink_request *request);

#endif
