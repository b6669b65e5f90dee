#include "parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int told_at(struct nk_error *e, const char *list, size_t i) {
    char text[sizeof e->text];

    snprintf(text, sizeof text, "%s[%zu]: %.900s", list, i, e->text);
    strcpy(e->text, text);
    return -1;
}

int nk_parse_list(const json_t *body, const char *name, size_t size,
                  int (*parse)(const json_t *object, void *item, struct nk_error *e), void **items,
                  size_t *count, struct nk_error *e) {
    const json_t *list = json_object_get(body, name);
    size_t i;
    json_t *object;

    /* One more: the links' hidden card. */
    *items = calloc(json_array_size(list) + 1, size);
    if (!*items)
        return nk_fail_errno(e, "%s", name);
    json_array_foreach(list, i, object) {
        *count = i + 1;
        if (parse(object, (char *)*items + i * size, e) < 0)
            return told_at(e, name, i);
    }
    return 0;
}

static const struct nk_member neighbour_members[] = {NK_NET_NAME("link", true), NK_NET_IP("address", true),
                                                     NK_NET_TEXT("mac", true, 17), NK_NET_END};
static const struct nk_member file_members[] = {
    {"hosts", NK_TEXT, false, 0, NK_MAX_FILE_BYTES, NULL},
    {"resolvConf", NK_TEXT, false, 0, NK_MAX_FILE_BYTES, NULL},
    NK_NET_END,
};

int nk_parse_neighbour(const json_t *object, void *item, struct nk_error *e) {
    struct nk_net_neighbour *neighbour = item;

    if (nk_schema_check(neighbour_members, object, e) < 0 ||
        nk_parse_name(object, "link", neighbour->link, e) < 0 ||
        nk_parse_ip(object, "address", 0, &neighbour->ip, e) < 0)
        return -1;
    return nk_parse_mac(object, neighbour->mac, e);
}

static int parse_files(const json_t *body, struct nk_network *network, struct nk_error *e) {
    const json_t *files = json_object_get(body, "files");

    if (nk_schema_check(file_members, files, e) < 0)
        return -1;
    network->hosts = json_string_value(json_object_get(files, "hosts"));
    network->resolv_conf = json_string_value(json_object_get(files, "resolvConf"));
    return 0;
}

static int unknown_link(const char *list, size_t i, const char *name, struct nk_error *e) {
    return nk_fail(e, NK_BAD_REQUEST, "%s[%zu]: \"link\": expected the name of one of \"links\", found %s",
                   list, i, name);
}

/* Routes may go by the loopback device, which is none of `links`. */
static int check_references(const struct nk_network *network, struct nk_error *e) {
    for (size_t i = 0; i < network->route_count; i++) {
        const struct nk_net_route *route = &network->routes[i];
        for (size_t k = 0; k < route->hop_count; k++) {
            const char *name = route->hops[k].link;
            if (strcmp(name, "lo") != 0 && !nk_network_link(network, name))
                return unknown_link("routes", i, name, e);
        }
    }
    for (size_t i = 0; i < network->neighbour_count; i++) {
        const char *name = network->neighbours[i].link;
        if (!nk_network_link(network, name))
            return unknown_link("neighbours", i, name, e);
    }
    return 0;
}

int nk_network_parse(const json_t *body, struct nk_network *network, struct nk_error *e) {
    *network = (struct nk_network){0};
    if (nk_parse_list(body, "links", sizeof *network->links, nk_parse_link, (void **)&network->links,
                      &network->link_count, e) < 0 ||
        nk_complete_links(network, e) < 0 ||
        nk_parse_list(body, "routes", sizeof *network->routes, nk_parse_route, (void **)&network->routes,
                      &network->route_count, e) < 0 ||
        nk_parse_list(body, "rules", sizeof *network->rules, nk_parse_rule, (void **)&network->rules,
                      &network->rule_count, e) < 0 ||
        nk_parse_list(body, "neighbours", sizeof *network->neighbours, nk_parse_neighbour,
                      (void **)&network->neighbours, &network->neighbour_count, e) < 0)
        return -1;
    return check_references(network, e) < 0 ? -1 : parse_files(body, network, e);
}

void nk_network_free(struct nk_network *network) {
    for (size_t i = 0; i < network->link_count; i++)
        free(network->links[i].addresses);
    for (size_t i = 0; i < network->route_count; i++)
        free(network->routes[i].hops);
    free(network->links);
    free(network->routes);
    free(network->rules);
    free(network->neighbours);
}

const struct nk_net_link *nk_network_link(const struct nk_network *network, const char *name) {
    for (size_t i = 0; i < network->link_count; i++) {
        if (!network->links[i].is_hidden && strcmp(network->links[i].name, name) == 0)
            return &network->links[i];
    }
    return NULL;
}

const struct nk_net_link *nk_network_link_at(const struct nk_network *network, int index) {
    for (size_t i = 0; i < network->link_count; i++) {
        if (network->links[i].index == index)
            return &network->links[i];
    }
    return NULL;
}
