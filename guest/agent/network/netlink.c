#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The longest request is a route of 32 hops, or what one read of a dump had. */
#define SEND_BYTES 65536
#define OUT_BYTES (SEND_BYTES + NK_NETLINK_READ_BYTES)

int nk_netlink_open(struct nk_netlink *n, struct nk_error *e) {
    const int on = 1;

    *n = (struct nk_netlink){.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
    if (n->fd < 0)
        return nk_fail_errno(e, "netlink socket");
    /* The kernel says why, and does not send back what it refuses. */
    setsockopt(n->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    setsockopt(n->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    n->out = malloc(OUT_BYTES);
    if (n->out)
        return 0;
    nk_netlink_close(n);
    return nk_fail_errno(e, "netlink");
}

void nk_netlink_close(struct nk_netlink *n) {
    free(n->out);
    close(n->fd);
}

void *nk_netlink_extend(struct nk_netlink *n, size_t bytes) {
    void *at = n->out + n->used;

    memset(at, 0, NLMSG_ALIGN(bytes));
    n->used += NLMSG_ALIGN(bytes);
    return at;
}

void nk_netlink_begin(struct nk_netlink *n, uint16_t type, uint16_t flags, const void *head, size_t bytes) {
    n->open = nk_netlink_extend(n, sizeof *n->open);
    n->open->nlmsg_type = type;
    n->open->nlmsg_flags = flags | NLM_F_REQUEST | NLM_F_ACK;
    memcpy(nk_netlink_extend(n, bytes), head, bytes);
}

void nk_netlink_put(struct nk_netlink *n, uint16_t type, const void *data, size_t bytes) {
    struct rtattr *attribute = nk_netlink_extend(n, RTA_LENGTH(bytes));

    attribute->rta_type = type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(bytes);
    memcpy(RTA_DATA(attribute), data, bytes);
}

void nk_netlink_put_u32(struct nk_netlink *n, uint16_t type, uint32_t value) {
    nk_netlink_put(n, type, &value, sizeof value);
}

void nk_netlink_put_text(struct nk_netlink *n, uint16_t type, const char *text) {
    nk_netlink_put(n, type, text, strlen(text) + 1);
}

void nk_netlink_put_ip(struct nk_netlink *n, uint16_t type, const struct nk_ip *ip) {
    nk_netlink_put(n, type, ip->bytes, nk_ip_size(ip->family));
}

struct rtattr *nk_netlink_nest(struct nk_netlink *n, uint16_t type) {
    struct rtattr *nest = nk_netlink_extend(n, RTA_LENGTH(0));

    nest->rta_type = type;
    return nest;
}

void nk_netlink_nest_end(struct nk_netlink *n, struct rtattr *nest) {
    nest->rta_len = (uint16_t)(n->out + n->used - (char *)nest);
}

static int end(struct nk_netlink *n, int tolerated, struct nk_error *e, const char *format, va_list args) {
    n->open->nlmsg_len = (uint32_t)(n->out + n->used - (char *)n->open);
    n->open->nlmsg_seq = ++n->seq;
    n->pending[n->pending_count].seq = n->seq;
    vsnprintf(n->pending[n->pending_count].what, NK_NETLINK_WHAT_BYTES, format, args);
    n->pending[n->pending_count++].tolerated = tolerated;
    return n->pending_count == NK_NETLINK_BATCH || n->used > SEND_BYTES ? nk_netlink_flush(n, e) : 0;
}

int nk_netlink_end(struct nk_netlink *n, int tolerated, struct nk_error *e, const char *format, ...) {
    va_list args;
    int ret;

    va_start(args, format);
    ret = end(n, tolerated, e, format, args);
    va_end(args);
    return ret;
}

int nk_netlink_delete(struct nk_netlink *n, const struct nlmsghdr *said, uint16_t type, int tolerated,
                      struct nk_error *e, const char *format, ...) {
    va_list args;
    int ret;

    nk_netlink_begin(n, type, 0, NLMSG_DATA(said), said->nlmsg_len - NLMSG_HDRLEN);
    va_start(args, format);
    ret = end(n, tolerated, e, format, args);
    va_end(args);
    return ret;
}

ssize_t nk_netlink_receive(const struct nk_netlink *n, char *bytes) {
    ssize_t count;

    do
        count = recv(n->fd, bytes, NK_NETLINK_READ_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count <= NK_NETLINK_READ_BYTES)
        return count;
    errno = EMSGSIZE;
    return -1;
}

/* The kernel's own words about a refusal, or "". */
static const char *reason_of(const struct nlmsghdr *message, const struct nlmsgerr *answer, char *out,
                             size_t size) {
    const struct rtattr *table[NLMSGERR_ATTR_MSG + 1] = {0};
    size_t head = sizeof *answer;

    out[0] = '\0';
    if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
        return out;
    if (!(message->nlmsg_flags & NLM_F_CAPPED))
        head += NLMSG_ALIGN(answer->msg.nlmsg_len) - sizeof answer->msg;
    nk_message_attributes(message, head, table, sizeof table / sizeof table[0]);
    if (table[NLMSGERR_ATTR_MSG]) {
        memcpy(out, ": ", 3);
        nk_attribute_text(table[NLMSGERR_ATTR_MSG], out + 2, size - 2);
    }
    return out;
}

/* The answer to a request. <0: it was refused. */
static int take_answer(struct nk_netlink *n, size_t request, const struct nlmsghdr *message,
                       struct nk_error *e) {
    const struct nlmsgerr *answer = NLMSG_DATA(message);
    char reason[256];

    if (answer->error == 0)
        n->changed++;
    if (answer->error == 0 || -answer->error == n->pending[request].tolerated)
        return 0;
    return nk_fail(e, NK_SYSTEM, "%s: %s%s", n->pending[request].what, strerror(-answer->error),
                   reason_of(message, answer, reason, sizeof reason));
}

int nk_netlink_flush(struct nk_netlink *n, struct nk_error *e) {
    char bytes[NK_NETLINK_READ_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nk_error ignored;
    size_t answered = 0;
    int ret = 0;

    if (n->pending_count == 0)
        return 0;
    if (send(n->fd, n->out, n->used, 0) < 0)
        return nk_fail_errno(e, "netlink: send");
    while (answered < n->pending_count) {
        ssize_t count = nk_netlink_receive(n, bytes);
        struct nk_dump answers = {.bytes = bytes, .used = count < 0 ? 0 : (size_t)count};
        if (count < 0)
            return nk_fail_errno(e, "netlink: expected the kernel's answers");
        for (const struct nlmsghdr *at = NULL; (at = nk_dump_next(&answers, at, sizeof(struct nlmsgerr)));) {
            if (at->nlmsg_type != NLMSG_ERROR || at->nlmsg_seq != n->pending[answered].seq)
                continue;
            /* The first that fails is told. */
            if (take_answer(n, answered++, at, ret < 0 ? &ignored : e) < 0)
                ret = -1;
            if (answered == n->pending_count)
                break;
        }
    }
    n->used = 0;
    n->pending_count = 0;
    return ret;
}
