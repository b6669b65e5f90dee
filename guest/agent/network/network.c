#include "network.h"

#include "parts.h"

int nk_network_check(const json_t *body, struct nk_error *e) {
    struct nk_network network;
    int ret = nk_network_parse(body, &network, e);

    nk_network_free(&network);
    return ret;
}

/* Each needs what those before it have done: addresses a link that is up, routes an address to come from.
 * What decides about gateways while routes come are the kernel's own rules, and those that stay. */
static int apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    if (nk_links_apply(n, network, e) < 0 || nk_addresses_apply(n, network, e) < 0 ||
        nk_rules_remove(n, network, e) < 0 || nk_routes_apply(n, network, e) < 0 ||
        nk_rules_add(n, network, e) < 0 || nk_neighbours_apply(n, network, e) < 0)
        return -1;
    return nk_network_files_apply(n, network, e);
}

int nk_network_apply(const json_t *body, unsigned *changed, struct nk_error *e) {
    struct nk_network network;
    struct nk_netlink n;
    int ret = nk_network_parse(body, &network, e);

    if (ret == 0)
        ret = nk_netlink_open(&n, e);
    if (ret == 0) {
        ret = apply(&n, &network, e);
        *changed = n.changed;
        nk_netlink_close(&n);
    }
    nk_network_free(&network);
    return ret;
}
