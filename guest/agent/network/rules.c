/* Rules of policy routing. */
#include "parts.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <string.h>

struct found_rule {
    struct nk_net_rule is;
    bool has_more; /* than a request can say */
};

static struct nk_prefix read_prefix(const struct rtattr *attribute, uint8_t family, uint8_t bits) {
    struct nk_prefix prefix = {.ip = nk_attribute_ip(attribute, family), .bits = bits};

    prefix.ip.family = family;
    return prefix;
}

/* More kinds of attributes than any kernel has. */
#define KINDS 64
#define BIT(kind) (UINT64_C(1) << (kind))

static bool has_more(const struct fib_rule_hdr *head, const struct rtattr **table) {
    const uint64_t known = BIT(FRA_DST) | BIT(FRA_SRC) | BIT(FRA_IIFNAME) | BIT(FRA_OIFNAME) |
                           BIT(FRA_PRIORITY) | BIT(FRA_FWMARK) | BIT(FRA_FWMASK) | BIT(FRA_TABLE) |
                           BIT(FRA_SUPPRESS_PREFIXLEN) | BIT(FRA_PROTOCOL) | BIT(FRA_PAD);

    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (table[kind] && !(known & BIT(kind)))
            return true;
    }
    return head->action != FR_ACT_TO_TBL || head->tos != 0 || (head->flags & FIB_RULE_INVERT) != 0 ||
           nk_attribute_u32(table[FRA_SUPPRESS_PREFIXLEN], UINT32_MAX) != UINT32_MAX;
}

static struct found_rule read_rule(const struct nlmsghdr *message) {
    const struct fib_rule_hdr *head = NLMSG_DATA(message);
    const struct rtattr *table[KINDS];
    struct found_rule found = {.is = {.family = head->family}};

    nk_message_attributes(message, sizeof *head, table, KINDS);
    found.has_more = has_more(head, table);
    found.is.priority = nk_attribute_u32(table[FRA_PRIORITY], 0);
    found.is.table = nk_attribute_u32(table[FRA_TABLE], head->table);
    found.is.from = read_prefix(table[FRA_SRC], head->family, head->src_len);
    found.is.to = read_prefix(table[FRA_DST], head->family, head->dst_len);
    nk_attribute_text(table[FRA_IIFNAME], found.is.in_link, sizeof found.is.in_link);
    nk_attribute_text(table[FRA_OIFNAME], found.is.out_link, sizeof found.is.out_link);
    found.is.mark = nk_attribute_u32(table[FRA_FWMARK], 0);
    found.is.mark_mask = nk_attribute_u32(table[FRA_FWMASK], 0);
    return found;
}

static bool is_same(const struct nk_net_rule *a, const struct nk_net_rule *b) {
    return a->family == b->family && a->priority == b->priority && a->table == b->table &&
           nk_prefix_equal(&a->from, &b->from) && nk_prefix_equal(&a->to, &b->to) &&
           strcmp(a->in_link, b->in_link) == 0 && strcmp(a->out_link, b->out_link) == 0 &&
           a->mark == b->mark && a->mark_mask == b->mark_mask;
}

/* Each kernel has these three, of IPv6 two. */
static bool is_default(const struct found_rule *found) {
    static const struct {
        uint32_t priority;
        uint32_t table;
    } defaults[] = {{0, RT_TABLE_LOCAL}, {32766, RT_TABLE_MAIN}, {32767, RT_TABLE_DEFAULT}};

    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        const struct nk_net_rule rule = {
            .family = found->is.family,
            .priority = defaults[i].priority,
            .table = defaults[i].table,
            .from = {.ip = {.family = found->is.family}},
            .to = {.ip = {.family = found->is.family}},
        };
        if (!found->has_more && is_same(&found->is, &rule))
            return true;
    }
    return false;
}

static bool is_wanted(struct nk_network *network, const struct found_rule *found) {
    for (size_t i = 0; i < network->rule_count; i++) {
        struct nk_net_rule *rule = &network->rules[i];
        if (!found->has_more && !rule->is_there && is_same(rule, &found->is)) {
            rule->is_there = true;
            return true;
        }
    }
    return false;
}

int nk_rules_remove(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    cleanup_dump struct nk_dump dump = {0};

    if (nk_netlink_dump(n, RTM_GETRULE, &dump, e) < 0)
        return -1;
    for (const struct nlmsghdr *at = NULL; (at = nk_dump_next(&dump, at, sizeof(struct fib_rule_hdr)));) {
        const struct found_rule found = read_rule(at);
        if ((found.is.family != AF_INET && found.is.family != AF_INET6) || is_wanted(network, &found) ||
            is_default(&found))
            continue;
        if (nk_netlink_delete(n, at, RTM_DELRULE, ENOENT, e, "remove the rule %u", found.is.priority) < 0)
            return -1;
    }
    return nk_netlink_flush(n, e);
}

static int add(struct nk_netlink *n, const struct nk_net_rule *rule, struct nk_error *e) {
    const struct fib_rule_hdr head = {
        .family = rule->family,
        .src_len = rule->from.bits,
        .dst_len = rule->to.bits,
        .action = FR_ACT_TO_TBL,
    };

    nk_netlink_begin(n, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    nk_netlink_put_u32(n, FRA_PRIORITY, rule->priority);
    nk_netlink_put_u32(n, FRA_TABLE, rule->table);
    if (rule->from.bits > 0)
        nk_netlink_put_ip(n, FRA_SRC, &rule->from.ip);
    if (rule->to.bits > 0)
        nk_netlink_put_ip(n, FRA_DST, &rule->to.ip);
    if (rule->in_link[0])
        nk_netlink_put_text(n, FRA_IIFNAME, rule->in_link);
    if (rule->out_link[0])
        nk_netlink_put_text(n, FRA_OIFNAME, rule->out_link);
    if (rule->mark || rule->mark_mask) {
        nk_netlink_put_u32(n, FRA_FWMARK, rule->mark);
        nk_netlink_put_u32(n, FRA_FWMASK, rule->mark_mask);
    }
    /* The same rule twice does no more than once. */
    return nk_netlink_end(n, EEXIST, e, "add the rule %u to table %u", rule->priority, rule->table);
}

int nk_rules_add(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    for (size_t i = 0; i < network->rule_count; i++) {
        if (!network->rules[i].is_there && add(n, &network->rules[i], e) < 0)
            return -1;
    }
    return nk_netlink_flush(n, e);
}
