/*
 * A client of NETLINK_ROUTE. Requests are collected, and sent together; the kernel has answered them all when
 * the call that sends them returns, so nothing here waits.
 */
#ifndef NK_NETWORK_NETLINK_H
#define NK_NETWORK_NETLINK_H

#include "ip.h"

#include "base/error.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Each answer takes about a KiB of the socket's buffer, which has some 200. */
#define NK_NETLINK_BATCH 64
#define NK_NETLINK_WHAT_BYTES 160
/* The kernel brings no more at once. */
#define NK_NETLINK_READ_BYTES 32768

struct nk_netlink {
    int fd;
    uint32_t seq;     /* of the last request */
    unsigned changed; /* requests that have changed something */
    char *out;
    size_t used;
    struct nlmsghdr *open; /* the request that attributes are added to */
    struct {
        uint32_t seq;
        int tolerated; /* errno */
        char what[NK_NETLINK_WHAT_BYTES];
    } pending[NK_NETLINK_BATCH]; /* which is the order of their answers */
    size_t pending_count;
};

int nk_netlink_open(struct nk_netlink *n, struct nk_error *e);
void nk_netlink_close(struct nk_netlink *n);

/* Begins a request with its head (struct rtmsg and the like). What is put behind it are its attributes. At
 * its end a text says, for an error, what is tried; an errno that is `tolerated` is none. */
void nk_netlink_begin(struct nk_netlink *n, uint16_t type, uint16_t flags, const void *head, size_t bytes);
void nk_netlink_put(struct nk_netlink *n, uint16_t type, const void *data, size_t bytes);
void nk_netlink_put_u32(struct nk_netlink *n, uint16_t type, uint32_t value);
void nk_netlink_put_text(struct nk_netlink *n, uint16_t type, const char *text);
void nk_netlink_put_ip(struct nk_netlink *n, uint16_t type, const struct nk_ip *ip);
struct rtattr *nk_netlink_nest(struct nk_netlink *n, uint16_t type);
void nk_netlink_nest_end(struct nk_netlink *n, struct rtattr *nest);
/* Room for what is no attribute, in the request. */
void *nk_netlink_extend(struct nk_netlink *n, size_t bytes);
int nk_netlink_end(struct nk_netlink *n, int tolerated, struct nk_error *e, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What a dump has said, as a request that takes it away. */
int nk_netlink_delete(struct nk_netlink *n, const struct nlmsghdr *said, uint16_t type, int tolerated,
                      struct nk_error *e, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Sends what was collected. <0: the first that the kernel has refused, in its own words. */
int nk_netlink_flush(struct nk_netlink *n, struct nk_error *e);

/* What the kernel has answered, NK_NETLINK_READ_BYTES at most. Never waits. <0: errno */
ssize_t nk_netlink_receive(const struct nk_netlink *n, char *bytes);

/* All that the kernel has of a kind: messages one behind the other. */
struct nk_dump {
    char *bytes;
    size_t used;
};

/* `type` is RTM_GET…; free the dump in any case. */
int nk_netlink_dump(struct nk_netlink *n, uint16_t type, struct nk_dump *dump, struct nk_error *e);
void nk_dump_free(struct nk_dump *dump);
#define cleanup_dump __attribute__((cleanup(nk_dump_free)))

/* The next message of a dump; NULL before the first. The head of each has at least `head` bytes. */
const struct nlmsghdr *nk_dump_next(const struct nk_dump *dump, const struct nlmsghdr *message, size_t head);

/* Puts each attribute below `count` into its place; the others of `table` are NULL. */
void nk_attributes(const struct rtattr *first, size_t bytes, const struct rtattr **table, size_t count);

/* Those behind the head of a message. */
void nk_message_attributes(const struct nlmsghdr *message, size_t head, const struct rtattr **table,
                           size_t count);
uint32_t nk_attribute_u32(const struct rtattr *attribute, uint32_t absent);
/* The bytes of a MAC, or the like; zeros when there are not as many. */
void nk_attribute_bytes(const struct rtattr *attribute, void *out, size_t bytes);
void nk_attribute_text(const struct rtattr *attribute, char *out, size_t size);
/* Family 0 when it is not there. */
struct nk_ip nk_attribute_ip(const struct rtattr *attribute, uint8_t family);

#endif
