/* Routes as the kernel says them. */
#ifndef NK_NETWORK_ROUTE_MESSAGE_H
#define NK_NETWORK_ROUTE_MESSAGE_H

#include "netlink.h"
#include "spec.h"

struct nk_found_route {
    struct nk_net_route is;
    struct nk_net_hop hops[NK_MAX_HOPS];
    bool has_more; /* than a request can say: other hops, a type of service */
};

/* False: it is none of IPv4 or IPv6. */
bool nk_route_read(const struct nlmsghdr *message, struct nk_found_route *found);

bool nk_route_equal(const struct nk_net_route *a, const struct nk_net_route *b);

/* A request to add it, up to its end. */
void nk_route_begin(struct nk_netlink *n, const struct nk_net_route *route);

#endif
