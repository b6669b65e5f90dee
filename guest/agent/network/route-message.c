#include "route-message.h"

#include <linux/rtnetlink.h>
#include <string.h>

static bool goes_nowhere(const struct nk_net_route *route) {
    return route->type >= RTN_BLACKHOLE && route->type <= RTN_THROW;
}

/* RTA_VIA has a gateway of the other version. */
static struct nk_ip read_gateway(const struct rtattr **table, uint8_t family) {
    const struct rtattr *via = table[RTA_VIA];
    const struct rtvia *body = via ? RTA_DATA(via) : NULL;
    struct nk_ip ip = {0};

    if (!via)
        return nk_attribute_ip(table[RTA_GATEWAY], family);
    if (RTA_PAYLOAD(via) < sizeof *body + 16 || body->rtvia_family != AF_INET6)
        return ip;
    ip.family = AF_INET6;
    memcpy(ip.bytes, body->rtvia_addr, sizeof ip.bytes);
    return ip;
}

static struct nk_net_hop read_hop(const struct rtattr **table, uint8_t family, unsigned flags, int index,
                                  unsigned weight) {
    return (struct nk_net_hop){
        .index = index,
        .gateway = read_gateway(table, family),
        .is_on_link = (flags & RTNH_F_ONLINK) != 0,
        .weight = (uint16_t)weight,
    };
}

static void read_hops(const struct rtattr *multipath, struct nk_found_route *found) {
    int left = (int)RTA_PAYLOAD(multipath);
    uint8_t family = found->is.destination.ip.family;

    for (const struct rtnexthop *at = RTA_DATA(multipath); left >= (int)sizeof *at && RTNH_OK(at, left);
         left -= RTNH_ALIGN(at->rtnh_len), at = RTNH_NEXT(at)) {
        const struct rtattr *table[RTA_VIA + 1];
        if (found->is.hop_count == NK_MAX_HOPS) {
            found->has_more = true;
            return;
        }
        nk_attributes(RTNH_DATA(at), at->rtnh_len - RTNH_LENGTH(0), table, RTA_VIA + 1);
        found->hops[found->is.hop_count++] =
            read_hop(table, family, at->rtnh_flags, at->rtnh_ifindex, at->rtnh_hops + 1u);
    }
}

static uint32_t read_mtu(const struct rtattr *metrics) {
    const struct rtattr *table[RTAX_MTU + 1];

    if (!metrics)
        return 0;
    nk_attributes(RTA_DATA(metrics), RTA_PAYLOAD(metrics), table, RTAX_MTU + 1);
    return nk_attribute_u32(table[RTAX_MTU], 0);
}

bool nk_route_read(const struct nlmsghdr *message, struct nk_found_route *found) {
    const struct rtmsg *head = NLMSG_DATA(message);
    const struct rtattr *table[RTA_ENCAP + 1];

    if (head->rtm_family != AF_INET && head->rtm_family != AF_INET6)
        return false;
    nk_message_attributes(message, sizeof *head, table, RTA_ENCAP + 1);
    *found =
        (struct nk_found_route){.is = {
                                    .destination = {.ip = nk_attribute_ip(table[RTA_DST], head->rtm_family),
                                                    .bits = head->rtm_dst_len},
                                    .type = head->rtm_type,
                                    .protocol = head->rtm_protocol,
                                    .scope = head->rtm_scope,
                                    .table = nk_attribute_u32(table[RTA_TABLE], head->rtm_table),
                                    .metric = nk_attribute_u32(table[RTA_PRIORITY], 0),
                                    .mtu = read_mtu(table[RTA_METRICS]),
                                    .source = nk_attribute_ip(table[RTA_PREFSRC], head->rtm_family),
                                }};
    found->is.destination.ip.family = head->rtm_family;
    found->is.hops = found->hops;
    found->has_more = head->rtm_tos != 0 || head->rtm_src_len != 0 || table[RTA_ENCAP];
    if (table[RTA_MULTIPATH]) {
        read_hops(table[RTA_MULTIPATH], found);
    } else if (table[RTA_OIF] && !goes_nowhere(&found->is)) {
        found->hops[0] =
            read_hop(table, head->rtm_family, head->rtm_flags, (int)nk_attribute_u32(table[RTA_OIF], 0), 1);
        found->is.hop_count = 1;
    }
    return true;
}

static bool is_same_hop(const struct nk_net_hop *a, const struct nk_net_hop *b, bool has_weight) {
    return a->index == b->index && nk_ip_equal(&a->gateway, &b->gateway) && a->is_on_link == b->is_on_link &&
           (!has_weight || a->weight == b->weight);
}

bool nk_route_equal(const struct nk_net_route *a, const struct nk_net_route *b) {
    if (!nk_prefix_equal(&a->destination, &b->destination) || a->type != b->type || a->table != b->table ||
        a->protocol != b->protocol || a->metric != b->metric || a->mtu != b->mtu ||
        !nk_ip_equal(&a->source, &b->source) || a->hop_count != b->hop_count)
        return false;
    /* IPv6 has no scopes. */
    if (a->destination.ip.family == AF_INET && a->scope != b->scope)
        return false;
    for (size_t i = 0; i < a->hop_count; i++) {
        if (!is_same_hop(&a->hops[i], &b->hops[i], a->hop_count > 1))
            return false;
    }
    return true;
}

static void put_gateway(struct nk_netlink *n, const struct nk_ip *gateway, uint8_t family) {
    struct {
        uint16_t family;
        uint8_t bytes[16];
    } via = {.family = gateway->family};

    if (gateway->family == 0)
        return;
    if (gateway->family == family) {
        nk_netlink_put_ip(n, RTA_GATEWAY, gateway);
        return;
    }
    memcpy(via.bytes, gateway->bytes, sizeof via.bytes);
    nk_netlink_put(n, RTA_VIA, &via, sizeof via);
}

static void put_hops(struct nk_netlink *n, const struct nk_net_route *route) {
    struct rtattr *multipath = nk_netlink_nest(n, RTA_MULTIPATH);

    for (size_t i = 0; i < route->hop_count; i++) {
        const struct nk_net_hop *hop = &route->hops[i];
        struct rtnexthop *at = nk_netlink_extend(n, sizeof *at);
        at->rtnh_ifindex = hop->index;
        at->rtnh_hops = (uint8_t)(hop->weight - 1);
        at->rtnh_flags = hop->is_on_link ? RTNH_F_ONLINK : 0;
        put_gateway(n, &hop->gateway, route->destination.ip.family);
        at->rtnh_len = (uint16_t)(n->out + n->used - (char *)at);
    }
    nk_netlink_nest_end(n, multipath);
}

static void put_mtu(struct nk_netlink *n, uint32_t mtu) {
    struct rtattr *metrics = nk_netlink_nest(n, RTA_METRICS);

    nk_netlink_put_u32(n, RTAX_MTU, mtu);
    nk_netlink_nest_end(n, metrics);
}

void nk_route_begin(struct nk_netlink *n, const struct nk_net_route *route) {
    uint8_t family = route->destination.ip.family;
    bool has_one = route->hop_count == 1;
    const struct rtmsg head = {
        .rtm_family = family,
        .rtm_dst_len = route->destination.bits,
        .rtm_type = route->type,
        .rtm_protocol = route->protocol,
        .rtm_scope = route->scope,
        .rtm_flags = has_one && route->hops[0].is_on_link ? RTNH_F_ONLINK : 0,
    };

    /* Beside others of the same destination and metric, as the kernel has had them where they come from. */
    nk_netlink_begin(n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, &head, sizeof head);
    nk_netlink_put_u32(n, RTA_TABLE, route->table);
    if (route->destination.bits > 0)
        nk_netlink_put_ip(n, RTA_DST, &route->destination.ip);
    if (route->metric > 0)
        nk_netlink_put_u32(n, RTA_PRIORITY, route->metric);
    if (route->source.family)
        nk_netlink_put_ip(n, RTA_PREFSRC, &route->source);
    if (route->mtu > 0)
        put_mtu(n, route->mtu);
    if (has_one) {
        nk_netlink_put_u32(n, RTA_OIF, (uint32_t)route->hops[0].index);
        put_gateway(n, &route->hops[0].gateway, family);
    } else if (route->hop_count > 0) {
        put_hops(n, route);
    }
}
