/* All that the kernel has of a kind. */
#include "netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A dump that something changed meanwhile is asked for again. */
#define MAX_DUMPS 10

static int grow(struct nk_dump *dump, struct nk_error *e) {
    char *bytes = realloc(dump->bytes, dump->used + NK_NETLINK_READ_BYTES);

    if (!bytes)
        return nk_fail_errno(e, "netlink: dump");
    dump->bytes = bytes;
    return 0;
}

/* Looks at what one read has added. 1: more is to come; 0: that was all; <0: errno */
static int take_part(struct nk_dump *dump, size_t count, bool *was_changed) {
    struct nk_dump part = {.bytes = dump->bytes + dump->used, .used = count};

    for (const struct nlmsghdr *at = NULL; (at = nk_dump_next(&part, at, 0));) {
        *was_changed |= (at->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        if (at->nlmsg_type == NLMSG_DONE)
            return 0;
        if (at->nlmsg_type == NLMSG_ERROR) {
            errno = -((const struct nlmsgerr *)NLMSG_DATA(at))->error;
            /* A kernel that does not know such things has none. */
            return errno == EOPNOTSUPP ? 0 : -1;
        }
        dump->used = (size_t)((const char *)at - dump->bytes) + NLMSG_ALIGN(at->nlmsg_len);
    }
    return 1;
}

static int dump_once(struct nk_netlink *n, uint16_t type, struct nk_dump *dump, bool *was_changed,
                     struct nk_error *e) {
    struct {
        struct nlmsghdr head;
        struct rtgenmsg body;
    } request = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof request.body),
                          .nlmsg_type = type,
                          .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                          .nlmsg_seq = ++n->seq}};
    int more;

    dump->used = 0;
    if (send(n->fd, &request, request.head.nlmsg_len, 0) < 0)
        return nk_fail_errno(e, "netlink: send");
    do {
        ssize_t count;
        if (grow(dump, e) < 0)
            return -1;
        count = nk_netlink_receive(n, dump->bytes + dump->used);
        more = count < 0 ? -1 : take_part(dump, (size_t)count, was_changed);
    } while (more > 0);
    return more < 0 ? nk_fail_errno(e, "netlink: dump %u", type) : 0;
}

int nk_netlink_dump(struct nk_netlink *n, uint16_t type, struct nk_dump *dump, struct nk_error *e) {
    bool was_changed = true;

    for (unsigned i = 0; was_changed && i < MAX_DUMPS; i++) {
        was_changed = false;
        if (dump_once(n, type, dump, &was_changed, e) < 0)
            return -1;
    }
    return was_changed ? nk_fail(e, NK_SYSTEM, "netlink: dump %u changes all the time", type) : 0;
}

void nk_dump_free(struct nk_dump *dump) {
    free(dump->bytes);
}

const struct nlmsghdr *nk_dump_next(const struct nk_dump *dump, const struct nlmsghdr *message, size_t head) {
    size_t at = message ? (size_t)((const char *)message - dump->bytes) : 0;

    for (;;) {
        at += message ? NLMSG_ALIGN(message->nlmsg_len) : 0;
        if (at + NLMSG_HDRLEN > dump->used)
            return NULL;
        message = (const struct nlmsghdr *)(dump->bytes + at);
        if (message->nlmsg_len < NLMSG_HDRLEN || message->nlmsg_len > dump->used - at)
            return NULL;
        if (message->nlmsg_len >= NLMSG_LENGTH(head))
            return message;
    }
}
