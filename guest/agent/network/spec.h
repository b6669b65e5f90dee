/* What the guest's network is to be: a request `network`, read. */
#ifndef NK_NETWORK_SPEC_H
#define NK_NETWORK_SPEC_H

#include "ip.h"

#include "base/error.h"

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NK_MAX_LINKS 64
#define NK_MAX_ADDRESSES 256
#define NK_MAX_ROUTES 4096
#define NK_MAX_HOPS 32
#define NK_MAX_RULES 256
#define NK_MAX_NEIGHBOURS 1024
#define NK_MAX_FILE_BYTES 65536

/* `is_there` is of whoever compares: the kernel has it. */

struct nk_net_address {
    struct nk_ip ip;
    uint8_t bits;
    struct nk_ip peer;
    struct nk_ip broadcast;
    uint8_t scope;
    bool no_prefix_route;
    bool is_there;
};

struct nk_net_link {
    char name[IFNAMSIZ];
    uint8_t mac[6];
    uint32_t mtu;
    bool is_up;
    bool is_card;
    bool is_hidden; /* the card, when the request has no link for it: its MAC and MTU are what it has */
    bool accept_ra;
    bool route_localnet; /* it carries packets of 127.0.0.0/8 */
    struct nk_net_address *addresses;
    size_t address_count;
    int index; /* once it is there */
};

struct nk_net_hop {
    char link[IFNAMSIZ];
    int index; /* of the link */
    struct nk_ip gateway;
    bool is_on_link;
    uint16_t weight;
};

struct nk_net_route {
    struct nk_prefix destination;
    uint8_t type;
    uint8_t protocol;
    uint8_t scope;
    uint32_t table;
    uint32_t metric;
    uint32_t mtu; /* 0: the link's */
    struct nk_ip source;
    struct nk_net_hop *hops;
    size_t hop_count;
    bool is_there;
};

struct nk_net_rule {
    uint8_t family;
    uint32_t priority;
    uint32_t table;
    struct nk_prefix from; /* 0 bits: any */
    struct nk_prefix to;
    char in_link[IFNAMSIZ]; /* empty: any */
    char out_link[IFNAMSIZ];
    uint32_t mark;
    uint32_t mark_mask;
    bool is_there;
};

struct nk_net_neighbour {
    char link[IFNAMSIZ];
    int index;
    struct nk_ip ip;
    uint8_t mac[6];
    bool is_there;
};

struct nk_network {
    struct nk_net_link *links; /* the first is the card, hidden or not */
    size_t link_count;
    struct nk_net_route *routes;
    size_t route_count;
    struct nk_net_rule *rules;
    size_t rule_count;
    struct nk_net_neighbour *neighbours;
    size_t neighbour_count;
    const char *hosts; /* the request's; NULL: not asked for */
    const char *resolv_conf;
};

/* Reads what the request (the operation's members, checked) says; free it in any case. <0: BAD_REQUEST. */
int nk_network_parse(const json_t *body, struct nk_network *network, struct nk_error *e);
void nk_network_free(struct nk_network *network);

const struct nk_net_link *nk_network_link(const struct nk_network *network, const char *name);

/* NULL: the link with this index is none of ours. */
const struct nk_net_link *nk_network_link_at(const struct nk_network *network, int index);

#endif
