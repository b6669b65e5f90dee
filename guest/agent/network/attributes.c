/* What messages of the kernel have behind their heads. */
#include "netlink.h"

#include <string.h>

void nk_attributes(const struct rtattr *first, size_t bytes, const struct rtattr **table, size_t count) {
    int left = (int)bytes;

    memset(table, 0, count * sizeof *table);
    for (const struct rtattr *at = first; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        unsigned type = at->rta_type & NLA_TYPE_MASK;
        if (type < count)
            table[type] = at;
    }
}

void nk_message_attributes(const struct nlmsghdr *message, size_t head, const struct rtattr **table,
                           size_t count) {
    const char *body = NLMSG_DATA(message);
    size_t bytes = message->nlmsg_len - NLMSG_HDRLEN;
    size_t skip = NLMSG_ALIGN(head);

    nk_attributes((const struct rtattr *)(body + skip), bytes > skip ? bytes - skip : 0, table, count);
}

uint32_t nk_attribute_u32(const struct rtattr *attribute, uint32_t absent) {
    uint32_t value = absent;

    if (attribute && RTA_PAYLOAD(attribute) >= sizeof value)
        memcpy(&value, RTA_DATA(attribute), sizeof value);
    return value;
}

void nk_attribute_bytes(const struct rtattr *attribute, void *out, size_t bytes) {
    memset(out, 0, bytes);
    if (attribute && RTA_PAYLOAD(attribute) >= bytes)
        memcpy(out, RTA_DATA(attribute), bytes);
}

void nk_attribute_text(const struct rtattr *attribute, char *out, size_t size) {
    size_t n = attribute ? strnlen(RTA_DATA(attribute), RTA_PAYLOAD(attribute)) : 0;

    n = n < size ? n : size - 1;
    if (n > 0)
        memcpy(out, RTA_DATA(attribute), n);
    out[n] = '\0';
}

struct nk_ip nk_attribute_ip(const struct rtattr *attribute, uint8_t family) {
    struct nk_ip ip = {0};

    if (!attribute || RTA_PAYLOAD(attribute) < nk_ip_size(family))
        return ip;
    ip.family = family;
    memcpy(ip.bytes, RTA_DATA(attribute), nk_ip_size(family));
    return ip;
}
