/* `links` of the request, with their addresses. */
#include "parse.h"

#include <stdlib.h>
#include <string.h>

/* What Ethernet allows (ETH_MIN_MTU, ETH_MAX_MTU of the kernel). */
#define MIN_MTU 68
#define MAX_MTU 65535

/* Of the card, when the request has no link for it. */
#define HIDDEN_NAME "nkcard"

static const struct nk_member link_members[] = {
    NK_NET_NAME("name", true),
    NK_NET_TEXT("mac", true, 17),
    NK_NET_INTEGER("mtu", true, MIN_MTU, MAX_MTU),
    NK_NET_BOOLEAN("isUp", true),
    NK_NET_BOOLEAN("isCard", true),
    NK_NET_BOOLEAN("acceptRa", true),
    NK_NET_BOOLEAN("routeLocalnet", false),
    NK_NET_OBJECTS("addresses", NK_MAX_ADDRESSES),
    NK_NET_END,
};
static const struct nk_member address_members[] = {
    NK_NET_IP("address", true),
    NK_NET_INTEGER("prefix", true, 0, 128),
    NK_NET_IP("peer", false),
    NK_NET_IP("broadcast", false),
    NK_NET_INTEGER("scope", true, 0, 255),
    NK_NET_BOOLEAN("noPrefixRoute", false),
    NK_NET_END,
};

static int parse_address(const json_t *object, void *item, struct nk_error *e) {
    struct nk_net_address *address = item;

    if (nk_schema_check(address_members, object, e) < 0 ||
        nk_parse_ip(object, "address", 0, &address->ip, e) < 0 ||
        nk_parse_ip(object, "peer", address->ip.family, &address->peer, e) < 0 ||
        nk_parse_ip(object, "broadcast", AF_INET, &address->broadcast, e) < 0)
        return -1;
    address->bits = (uint8_t)nk_parse_integer(object, "prefix");
    address->scope = (uint8_t)nk_parse_integer(object, "scope");
    address->no_prefix_route = nk_parse_boolean(object, "noPrefixRoute");
    if (address->bits > nk_ip_bits(address->ip.family))
        return nk_fail(e, NK_BAD_REQUEST, "\"prefix\": expected at most 32 of an IPv4 address, found %u",
                       address->bits);
    if (address->broadcast.family && address->ip.family != AF_INET)
        return nk_fail(e, NK_BAD_REQUEST, "\"broadcast\": expected none of an IPv6 address, found one");
    return 0;
}

int nk_parse_link(const json_t *object, void *item, struct nk_error *e) {
    /* Names of what is not a link's own to the kernel. */
    static const char *const others[] = {"lo", "all", "default", HIDDEN_NAME};
    struct nk_net_link *link = item;

    if (nk_schema_check(link_members, object, e) < 0 || nk_parse_name(object, "name", link->name, e) < 0 ||
        nk_parse_mac(object, link->mac, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(link->name, others[i]) == 0)
            return nk_fail(e, NK_BAD_REQUEST, "\"name\": expected one that a card can have, found %s",
                           link->name);
    }
    link->mtu = nk_parse_integer(object, "mtu");
    link->is_up = nk_parse_boolean(object, "isUp");
    link->is_card = nk_parse_boolean(object, "isCard");
    link->accept_ra = nk_parse_boolean(object, "acceptRa");
    link->route_localnet = nk_parse_boolean(object, "routeLocalnet");
    return nk_parse_list(object, "addresses", sizeof *link->addresses, parse_address,
                         (void **)&link->addresses, &link->address_count, e);
}

/* The member that two links must not have in common. */
static const char *shared_member(const struct nk_net_link *a, const struct nk_net_link *b) {
    if (strcmp(a->name, b->name) == 0)
        return "name";
    if (memcmp(a->mac, b->mac, sizeof a->mac) == 0)
        return "mac";
    return a->is_card && b->is_card ? "isCard" : NULL;
}

static int check_distinct(const struct nk_network *network, struct nk_error *e) {
    for (size_t i = 0; i < network->link_count; i++) {
        for (size_t k = 0; k < i; k++) {
            const char *shared = shared_member(&network->links[i], &network->links[k]);
            if (shared)
                return nk_fail(e, NK_BAD_REQUEST,
                               "links[%zu]: \"%s\": expected another than that of links[%zu]", i, shared, k);
        }
    }
    return 0;
}

/* The card comes first. */
static struct nk_net_link *take_card(struct nk_network *network) {
    struct nk_net_link *links = network->links;
    struct nk_net_link card;
    size_t i = 0;

    while (i < network->link_count && !links[i].is_card)
        i++;
    if (i == network->link_count)
        links[network->link_count++] =
            (struct nk_net_link){.name = HIDDEN_NAME, .is_card = true, .is_hidden = true};
    card = links[i];
    links[i] = links[0];
    links[0] = card;
    return &links[0];
}

int nk_complete_links(struct nk_network *network, struct nk_error *e) {
    struct nk_net_link *card;

    if (check_distinct(network, e) < 0)
        return -1;
    card = take_card(network);
    for (size_t i = 1; i < network->link_count; i++) {
        const struct nk_net_link *link = &network->links[i];
        if (card->is_hidden && link->mtu > card->mtu)
            card->mtu = link->mtu;
        if (link->mtu > card->mtu)
            return nk_fail(e, NK_BAD_REQUEST,
                           "the link %s: \"mtu\": expected at most the card's %u, found %u", link->name,
                           card->mtu, link->mtu);
        /* The kernel lets no macvlan be up on a card that is not. */
        card->is_up |= link->is_up;
    }
    return 0;
}
