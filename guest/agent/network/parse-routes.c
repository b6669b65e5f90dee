/* `routes` and `rules` of the request. */
#include "parse.h"

#include <linux/rtnetlink.h>

/* The kernel takes no more: 15 bytes are its own. */
#define MAX_ROUTE_MTU (65535 - 15)
/* What the kernel makes of a metric 0 (IP6_RT_PRIO_USER). */
#define METRIC6 1024

static const struct nk_member route_members[] = {
    NK_NET_INTEGER("family", true, 4, 6),
    NK_NET_PREFIX("destination", true),
    NK_NET_INTEGER("type", true, RTN_UNICAST, RTN_THROW),
    NK_NET_INTEGER("table", true, 1, UINT32_MAX),
    NK_NET_INTEGER("protocol", true, 1, 255),
    NK_NET_INTEGER("scope", true, 0, 255),
    NK_NET_INTEGER("metric", true, 0, UINT32_MAX),
    NK_NET_IP("source", false),
    NK_NET_INTEGER("mtu", false, 1, MAX_ROUTE_MTU),
    NK_NET_OBJECTS("hops", NK_MAX_HOPS),
    NK_NET_END,
};
static const struct nk_member hop_members[] = {
    NK_NET_NAME("link", true),
    NK_NET_IP("gateway", false),
    NK_NET_BOOLEAN("isOnLink", false),
    NK_NET_INTEGER("weight", false, 1, 256),
    NK_NET_END,
};
static const struct nk_member rule_members[] = {
    NK_NET_INTEGER("family", true, 4, 6),
    NK_NET_INTEGER("priority", true, 0, UINT32_MAX),
    NK_NET_INTEGER("table", true, 1, UINT32_MAX),
    NK_NET_PREFIX("from", false),
    NK_NET_PREFIX("to", false),
    NK_NET_NAME("inLink", false),
    NK_NET_NAME("outLink", false),
    NK_NET_INTEGER("mark", false, 0, UINT32_MAX),
    NK_NET_INTEGER("markMask", false, 0, UINT32_MAX),
    NK_NET_END,
};

static int parse_hop(const json_t *object, void *item, struct nk_error *e) {
    struct nk_net_hop *hop = item;

    if (nk_schema_check(hop_members, object, e) < 0 || nk_parse_name(object, "link", hop->link, e) < 0 ||
        nk_parse_ip(object, "gateway", 0, &hop->gateway, e) < 0)
        return -1;
    hop->is_on_link = nk_parse_boolean(object, "isOnLink");
    hop->weight = (uint16_t)nk_parse_integer(object, "weight");
    if (hop->weight == 0)
        hop->weight = 1;
    return 0;
}

static int check_hops(const struct nk_net_route *route, struct nk_error *e) {
    bool goes_nowhere = route->type >= RTN_BLACKHOLE && route->type <= RTN_THROW;

    if (goes_nowhere != (route->hop_count == 0))
        return nk_fail(e, NK_BAD_REQUEST, "\"hops\": expected %s of this type of route, found %s",
                       goes_nowhere ? "none" : "some", goes_nowhere ? "some" : "none");
    for (size_t i = 0; i < route->hop_count; i++) {
        /* IPv4 by a gateway of IPv6 is known to the kernel, the other way around is not. */
        if (route->destination.ip.family == AF_INET6 && route->hops[i].gateway.family == AF_INET)
            return nk_fail(e, NK_BAD_REQUEST, "hops[%zu]: \"gateway\": expected an IPv6 address", i);
    }
    return 0;
}

int nk_parse_route(const json_t *object, void *item, struct nk_error *e) {
    struct nk_net_route *route = item;
    uint8_t family;

    if (nk_schema_check(route_members, object, e) < 0 || nk_parse_family(object, &family, e) < 0 ||
        nk_parse_prefix(object, "destination", family, &route->destination, e) < 0 ||
        nk_parse_ip(object, "source", family, &route->source, e) < 0 ||
        nk_parse_list(object, "hops", sizeof *route->hops, parse_hop, (void **)&route->hops,
                      &route->hop_count, e) < 0)
        return -1;
    if (!nk_prefix_is_network(&route->destination))
        return nk_fail(e, NK_BAD_REQUEST, "\"destination\": expected no bits beyond the prefix, found some");
    route->type = (uint8_t)nk_parse_integer(object, "type");
    route->table = nk_parse_integer(object, "table");
    route->protocol = (uint8_t)nk_parse_integer(object, "protocol");
    route->scope = (uint8_t)nk_parse_integer(object, "scope");
    route->metric = nk_parse_integer(object, "metric");
    if (family == AF_INET6 && route->metric == 0)
        route->metric = METRIC6;
    route->mtu = nk_parse_integer(object, "mtu");
    return check_hops(route, e);
}

/* One of no bits is the same as none, whatever address it has. */
static int parse_selector(const json_t *object, const char *name, uint8_t family, struct nk_prefix *prefix,
                          struct nk_error *e) {
    if (nk_parse_prefix(object, name, family, prefix, e) < 0)
        return -1;
    if (prefix->bits == 0)
        *prefix = (struct nk_prefix){.ip = {.family = family}};
    return 0;
}

int nk_parse_rule(const json_t *object, void *item, struct nk_error *e) {
    struct nk_net_rule *rule = item;

    if (nk_schema_check(rule_members, object, e) < 0 || nk_parse_family(object, &rule->family, e) < 0 ||
        parse_selector(object, "from", rule->family, &rule->from, e) < 0 ||
        parse_selector(object, "to", rule->family, &rule->to, e) < 0 ||
        nk_parse_name(object, "inLink", rule->in_link, e) < 0 ||
        nk_parse_name(object, "outLink", rule->out_link, e) < 0)
        return -1;
    rule->priority = nk_parse_integer(object, "priority");
    rule->table = nk_parse_integer(object, "table");
    rule->mark = nk_parse_integer(object, "mark");
    /* As the kernel has it: without a mask all bits of a mark count, and none of no mark. */
    rule->mark_mask = json_object_get(object, "markMask") ? nk_parse_integer(object, "markMask")
                      : rule->mark                        ? UINT32_MAX
                                                          : 0;
    return 0;
}
