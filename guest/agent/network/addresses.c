/* Addresses of the card and its macvlans. */
#include "parts.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>

/* With the first IPv4 address of a network others go: what is left is looked at again. */
#define MAX_LOOKS 3

struct found_address {
    struct nk_net_address is;
    int index; /* of the link */
    uint32_t flags;
};

static struct found_address read_address(const struct nlmsghdr *message) {
    const struct ifaddrmsg *head = NLMSG_DATA(message);
    const struct rtattr *table[IFA_FLAGS + 1];
    struct found_address found = {.index = (int)head->ifa_index};
    struct nk_ip address;

    nk_message_attributes(message, sizeof *head, table, IFA_FLAGS + 1);
    address = nk_attribute_ip(table[IFA_ADDRESS], head->ifa_family);
    found.is.ip = table[IFA_LOCAL] ? nk_attribute_ip(table[IFA_LOCAL], head->ifa_family) : address;
    if (!nk_ip_equal(&found.is.ip, &address))
        found.is.peer = address;
    found.is.broadcast = nk_attribute_ip(table[IFA_BROADCAST], head->ifa_family);
    found.is.bits = head->ifa_prefixlen;
    found.is.scope = head->ifa_scope;
    found.flags = nk_attribute_u32(table[IFA_FLAGS], head->ifa_flags);
    found.is.no_prefix_route = (found.flags & IFA_F_NOPREFIXROUTE) != 0;
    return found;
}

static bool is_same(const struct nk_net_address *a, const struct nk_net_address *b) {
    /* The kernel knows the scope of an IPv6 address by itself. */
    return nk_ip_equal(&a->ip, &b->ip) && a->bits == b->bits && nk_ip_equal(&a->peer, &b->peer) &&
           nk_ip_equal(&a->broadcast, &b->broadcast) && (a->ip.family == AF_INET6 || a->scope == b->scope) &&
           a->no_prefix_route == b->no_prefix_route;
}

/* Whose network it is. */
static const struct nk_ip *far_end(const struct nk_net_address *address) {
    return address->peer.family ? &address->peer : &address->ip;
}

/* To the kernel the first IPv4 address of a network is the one that others are told; those that come later
 * are secondary. */
static bool is_secondary(const struct nk_net_link *link, size_t at) {
    const struct nk_net_address *address = &link->addresses[at];

    for (size_t i = 0; i < at; i++) {
        const struct nk_net_address *other = &link->addresses[i];
        if (address->ip.family == AF_INET && other->bits == address->bits &&
            nk_ip_shares(far_end(other), far_end(address), address->bits))
            return true;
    }
    return false;
}

/* fe80::/64 with what the kernel makes of the MAC (RFC 4291, appendix A). */
static bool is_by_mac(const struct nk_net_link *link, const struct nk_net_address *address) {
    const uint8_t *mac = link->mac;
    const struct nk_ip made = {.family = AF_INET6,
                               .bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe,
                                         mac[3], mac[4], mac[5]}};

    return address->bits == 64 && nk_ip_equal(&address->ip, &made);
}

/* The kernel's own: it would come back. */
static bool is_kernels(const struct nk_net_link *link, const struct found_address *found) {
    if (found->is.ip.family != AF_INET6 || link->is_hidden)
        return false;
    return is_by_mac(link, &found->is) || (link->accept_ra && !(found->flags & IFA_F_PERMANENT));
}

static bool is_wanted(const struct nk_net_link *link, const struct found_address *found) {
    bool is_usable =
        !(found->is.ip.family == AF_INET6 && (found->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)));
    bool secondary = (found->flags & IFA_F_SECONDARY) != 0 && found->is.ip.family == AF_INET;

    for (size_t i = 0; i < link->address_count; i++) {
        if (is_usable && is_same(&link->addresses[i], &found->is) && is_secondary(link, i) == secondary) {
            link->addresses[i].is_there = true;
            return true;
        }
    }
    return is_kernels(link, found);
}

/* What is there, and removes what is there too much. */
static int compare(struct nk_netlink *n, const struct nk_network *network, bool *has_removed,
                   struct nk_error *e) {
    cleanup_dump struct nk_dump dump = {0};
    char text[INET6_ADDRSTRLEN];

    *has_removed = false;
    if (nk_netlink_dump(n, RTM_GETADDR, &dump, e) < 0)
        return -1;
    for (const struct nlmsghdr *at = NULL; (at = nk_dump_next(&dump, at, sizeof(struct ifaddrmsg)));) {
        const struct found_address found = read_address(at);
        const struct nk_net_link *link = nk_network_link_at(network, found.index);
        if (!link || found.is.ip.family == 0 || is_wanted(link, &found))
            continue;
        *has_removed = true;
        /* One that goes may take others with it. */
        if (nk_netlink_delete(n, at, RTM_DELADDR, EADDRNOTAVAIL, e, "remove the address %s from %s",
                              nk_ip_text(&found.is.ip, text), link->name) < 0)
            return -1;
    }
    return nk_netlink_flush(n, e);
}

static int add(struct nk_netlink *n, const struct nk_net_link *link, const struct nk_net_address *address,
               struct nk_error *e) {
    const struct ifaddrmsg head = {
        .ifa_family = address->ip.family,
        .ifa_prefixlen = address->bits,
        .ifa_scope = address->scope,
        .ifa_index = (uint32_t)link->index,
    };
    uint32_t flags = address->no_prefix_route ? IFA_F_NOPREFIXROUTE : 0;
    char text[INET6_ADDRSTRLEN];

    if (address->ip.family == AF_INET6)
        flags |= IFA_F_NODAD;
    /* The kernel may have made its own one of a link meanwhile. */
    nk_netlink_begin(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
    nk_netlink_put_ip(n, IFA_LOCAL, &address->ip);
    nk_netlink_put_ip(n, IFA_ADDRESS, address->peer.family ? &address->peer : &address->ip);
    if (address->broadcast.family)
        nk_netlink_put_ip(n, IFA_BROADCAST, &address->broadcast);
    nk_netlink_put_u32(n, IFA_FLAGS, flags);
    return nk_netlink_end(n, 0, e, "give the address %s/%u to %s", nk_ip_text(&address->ip, text),
                          address->bits, link->name);
}

static int add_missing(struct nk_netlink *n, const struct nk_net_link *link, struct nk_error *e) {
    for (size_t i = 0; i < link->address_count; i++) {
        if (!link->addresses[i].is_there && add(n, link, &link->addresses[i], e) < 0)
            return -1;
    }
    return 0;
}

static void forget(const struct nk_net_link *link) {
    for (size_t i = 0; i < link->address_count; i++)
        link->addresses[i].is_there = false;
}

int nk_addresses_apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    bool has_removed = true;

    for (unsigned looks = 0; has_removed && looks < MAX_LOOKS; looks++) {
        for (size_t i = 0; i < network->link_count; i++)
            forget(&network->links[i]);
        if (compare(n, network, &has_removed, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < network->link_count; i++) {
        if (add_missing(n, &network->links[i], e) < 0)
            return -1;
    }
    return nk_netlink_flush(n, e);
}
