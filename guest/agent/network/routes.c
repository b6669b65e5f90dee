/* Routes of all tables. */
#include "parts.h"
#include "route-message.h"

#include <errno.h>
#include <string.h>

static bool is_link_local(const struct nk_prefix *prefix) {
    return prefix->ip.family == AF_INET6 && prefix->bits == 64 && prefix->ip.bytes[0] == 0xfe &&
           prefix->ip.bytes[1] == 0x80;
}

static bool is_of_address(const struct nk_net_address *address, const struct nk_prefix *destination) {
    bool has_peer = address->peer.family != 0;

    /* To the other end of an IPv6 address the kernel has a route in any case. */
    if (has_peer && destination->bits == 128 && nk_ip_equal(&address->peer, &destination->ip))
        return true;
    if (address->no_prefix_route || address->bits != destination->bits)
        return false;
    return nk_ip_shares(&address->ip, &destination->ip, address->bits) ||
           (has_peer && nk_ip_shares(&address->peer, &destination->ip, address->bits));
}

/* The kernel has made it, for an address that is there or by a router's advertisement. */
static bool is_kernels(const struct nk_net_link *link, const struct nk_net_route *route) {
    bool is_v6 = route->destination.ip.family == AF_INET6;

    if (is_v6 && link->accept_ra && (route->protocol == RTPROT_RA || route->protocol == RTPROT_KERNEL))
        return true;
    if (route->protocol != RTPROT_KERNEL)
        return false;
    /* A kernel without IPV6_MULTIPLE_TABLES has those of its own addresses in the main one. */
    if (route->table == RT_TABLE_LOCAL || route->type != RTN_UNICAST || is_link_local(&route->destination))
        return true;
    for (size_t i = 0; i < link->address_count; i++) {
        if (is_of_address(&link->addresses[i], &route->destination))
            return true;
    }
    return false;
}

/* It is ours to remove: not the kernel's, and not one of the container's own links alone. */
static bool is_ours(const struct nk_network *network, const struct nk_net_route *route) {
    if (route->hop_count == 0)
        return route->protocol != RTPROT_KERNEL;
    for (size_t i = 0; i < route->hop_count; i++) {
        const struct nk_net_link *link = nk_network_link_at(network, route->hops[i].index);
        if (link ? !is_kernels(link, route)
                 : route->hops[i].index == NK_LOOPBACK_INDEX && route->protocol != RTPROT_KERNEL)
            return true;
    }
    return false;
}

static bool is_wanted(struct nk_network *network, const struct nk_found_route *found, size_t *next) {
    /* The kernel's order is likely to be the request's. */
    for (size_t i = 0; i < network->route_count; i++) {
        size_t at = (*next + i) % network->route_count;
        struct nk_net_route *route = &network->routes[at];
        if (!found->has_more && !route->is_there && nk_route_equal(route, &found->is)) {
            route->is_there = true;
            *next = at + 1;
            return true;
        }
    }
    return false;
}

static int remove_others(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    cleanup_dump struct nk_dump dump = {0};
    char text[NK_PREFIX_TEXT_BYTES];
    size_t next = 0;

    if (nk_netlink_dump(n, RTM_GETROUTE, &dump, e) < 0)
        return -1;
    for (const struct nlmsghdr *at = NULL; (at = nk_dump_next(&dump, at, sizeof(struct rtmsg)));) {
        struct nk_found_route found;
        if (!nk_route_read(at, &found) || is_wanted(network, &found, &next) || !is_ours(network, &found.is))
            continue;
        if (nk_netlink_delete(n, at, RTM_DELROUTE, ESRCH, e, "remove the route %s of table %u",
                              nk_prefix_text(&found.is.destination, text), found.is.table) < 0)
            return -1;
    }
    return 0;
}

static bool has_gateway(const struct nk_net_route *route) {
    for (size_t i = 0; i < route->hop_count; i++) {
        if (route->hops[i].gateway.family)
            return true;
    }
    return false;
}

static int add(struct nk_netlink *n, const struct nk_net_route *route, struct nk_error *e) {
    const struct nk_net_hop *hop = route->hop_count > 0 ? &route->hops[0] : NULL;
    char destination[NK_PREFIX_TEXT_BYTES];
    char gateway[INET6_ADDRSTRLEN] = "";

    if (hop && hop->gateway.family)
        nk_ip_text(&hop->gateway, gateway);
    nk_route_begin(n, route);
    /* What is as good as this is there: one of the kernel's own. */
    return nk_netlink_end(n, EEXIST, e, "add the route %s%s%s%s%s to table %u",
                          nk_prefix_text(&route->destination, destination), *gateway ? " by " : "", gateway,
                          hop ? " on " : "", hop ? hop->link : "", route->table);
}

/* To reach a gateway the kernel wants a route that has none. */
static int add_missing(struct nk_netlink *n, const struct nk_network *network, bool with_gateway,
                       struct nk_error *e) {
    for (size_t i = 0; i < network->route_count; i++) {
        const struct nk_net_route *route = &network->routes[i];
        if (!route->is_there && has_gateway(route) == with_gateway && add(n, route, e) < 0)
            return -1;
    }
    return 0;
}

static void find_links(struct nk_network *network) {
    for (size_t i = 0; i < network->route_count; i++) {
        for (size_t k = 0; k < network->routes[i].hop_count; k++) {
            struct nk_net_hop *hop = &network->routes[i].hops[k];
            const struct nk_net_link *link = nk_network_link(network, hop->link);
            hop->index = link ? link->index : NK_LOOPBACK_INDEX;
        }
    }
}

int nk_routes_apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    find_links(network);
    if (remove_others(n, network, e) < 0 || add_missing(n, network, false, e) < 0 ||
        add_missing(n, network, true, e) < 0)
        return -1;
    return nk_netlink_flush(n, e);
}
