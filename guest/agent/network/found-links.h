/* The links that the guest has. */
#ifndef NK_NETWORK_FOUND_LINKS_H
#define NK_NETWORK_FOUND_LINKS_H

#include "netlink.h"

#include <net/if.h>

struct nk_found_link {
    int index;
    int parent; /* of a macvlan: the link that it is on */
    char name[IFNAMSIZ];
    uint8_t mac[6];
    uint32_t mtu;
    bool is_up;
    bool is_ether;
    char kind[16]; /* "macvlan"; empty: a device */
    uint32_t macvlan_mode;
};

struct nk_found_links {
    struct nk_found_link *items;
    size_t count;
};

/* Free them in any case, once. */
int nk_found_links_read(struct nk_netlink *n, struct nk_found_links *links, struct nk_error *e);
void nk_found_links_free(struct nk_found_links *links);
#define cleanup_links __attribute__((cleanup(nk_found_links_free)))

/* The machine's first card; NULL: it has none. */
const struct nk_found_link *nk_found_card(const struct nk_found_links *links);

/* The card has this kind instead of none: tests have no device of a machine. */
extern const char *nk_card_kind;

#endif
