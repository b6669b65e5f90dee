/* Any text as what a network is to be: it is refused, or what is read of it keeps to the bounds. */
#include "base/bigint.h"
#include "network/spec.h"
#include "ops/operations.h"
#include "wire/request.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static void check_name(const char *name) {
    if (strnlen(name, IFNAMSIZ) == IFNAMSIZ || strchr(name, '/') || strcmp(name, "..") == 0)
        abort();
}

static void check_ip(const struct nk_ip *ip, unsigned bits) {
    char text[INET6_ADDRSTRLEN];

    if (bits > nk_ip_bits(ip->family) || !nk_ip_text(ip, text))
        abort();
}

static void check_links(const struct nk_network *network) {
    if (network->link_count < 1 || network->link_count > NK_MAX_LINKS + 1 || !network->links[0].is_card)
        abort();
    for (size_t i = 0; i < network->link_count; i++) {
        const struct nk_net_link *link = &network->links[i];
        check_name(link->name);
        if (!*link->name || link->mtu > network->links[0].mtu || link->address_count > NK_MAX_ADDRESSES)
            abort();
        for (size_t k = 0; k < link->address_count; k++)
            check_ip(&link->addresses[k].ip, link->addresses[k].bits);
    }
}

static void check_rest(const struct nk_network *network) {
    if (network->route_count > NK_MAX_ROUTES || network->rule_count > NK_MAX_RULES ||
        network->neighbour_count > NK_MAX_NEIGHBOURS)
        abort();
    for (size_t i = 0; i < network->route_count; i++) {
        const struct nk_net_route *route = &network->routes[i];
        check_ip(&route->destination.ip, route->destination.bits);
        if (!nk_prefix_is_network(&route->destination) || route->hop_count > NK_MAX_HOPS)
            abort();
        for (size_t k = 0; k < route->hop_count; k++)
            check_name(route->hops[k].link);
    }
    for (size_t i = 0; i < network->rule_count; i++) {
        check_name(network->rules[i].in_link);
        check_name(network->rules[i].out_link);
    }
    for (size_t i = 0; i < network->neighbour_count; i++) {
        if (!nk_network_link(network, network->neighbours[i].link))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nk_request request = {.seq = 1, .body = nk_json_load((const char *)data, size)};
    struct nk_network network;
    struct nk_error e;

    if (!request.body)
        return 0;
    json_object_set_new(request.body, "type", json_string("network"));
    if (nk_request_check(&request, nk_operations, true, &e)) {
        if (nk_network_parse(request.body, &network, &e) == 0) {
            check_links(&network);
            check_rest(&network);
        }
        nk_network_free(&network);
    }
    json_decref(request.body);
    return 0;
}
