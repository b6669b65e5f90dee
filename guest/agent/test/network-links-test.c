/* The operation `network`: which links there are, what they are called, which address comes first. */
#include "network-rig.h"

/* Names of three links that are up change places in all ways. */
static void test_permuted_names(void) {
    static const char *const orders[][3] = {{"eth0", "eth1", "eth2"},
                                            {"eth1", "eth0", "eth2"},
                                            {"eth2", "eth0", "eth1"},
                                            {"eth1", "eth2", "eth0"}};

    enter_namespace();
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        char text[2048];
        snprintf(
            text, sizeof text,
            "'links':[" LINK("%s", CARD_MAC, "true", "{'address':'10.1.0.1','prefix':24,'scope':0}") "," LINK(
                "%s", "02:00:00:00:00:02", "false",
                "{'address':'10.2.0.1','prefix':24,'scope':0}") "," LINK("%s", "02:00:00:00:00:03", "false",
                                                                         "{'address':'10.3.0.1','prefix':24,'"
                                                                         "scope':0}") "]," NOTHING_ELSE,
            orders[i][0], orders[i][1], orders[i][2]);
        apply(text);
        for (int k = 0; k < 3; k++) {
            char command[64];
            char address[32];
            snprintf(command, sizeof command, "ip addr show up dev %s", orders[i][k]);
            snprintf(address, sizeof address, "inet 10.%d.0.1/24", k + 1);
            expect_text(command, address);
        }
    }
}

/* A macvlan has the MAC that the card had, and the other way around. */
static void test_hidden_card(void) {
    enter_namespace();
    apply("'links':[" LINK("eth0", CARD_MAC, "true",
                           "{'address':'10.1.0.2','prefix':24,'scope':0},"
                           "{'address':'fd00::2','prefix':64,'scope':0}") "]," NOTHING_ELSE);
    apply(
        "'links':[" LINK("eth0", CARD_MAC, "false", "{'address':'10.1.0.2','prefix':24,'scope':0}") "," LINK(
            "eth1", "02:6e:6b:00:00:00", "false",
            "{'address':'10.2.0.2','prefix':24,'scope':0}") "]," NOTHING_ELSE);
    expect_text("ip -d link show eth0", "macvlan mode private");
    expect_text("ip link show nkcard", "state UP");
    expect_text("ip link show nkcard", "02:6e:6b:00:00:01");
    CHECK(strcmp(output_of("ip addr show nkcard | grep inet || true"), "") == 0, "addresses of the card");
    apply("'links':[" LINK("eth0", CARD_MAC, "true", "{'address':'10.1.0.2','prefix':24,'scope':0}") "," LINK(
        "eth9", "02:6e:6b:00:00:01", "false", "") "]," NOTHING_ELSE);
    expect_text("ip link show eth0", CARD_MAC);
    expect_text("ip -6 addr show eth0", "fe80::ff:fe00:1/64");
    apply("'links':[]," NOTHING_ELSE);
    expect_text("ip link show nkcard", "state DOWN");
    expect_no_text("ip link", ": eth");
}

static void test_first_address(void) {
    static const char format[] =
        "'links':[" LINK("eth0", CARD_MAC, "true",
                         "{'address':'%s','prefix':24,'scope':0},{'address':'%s','prefix':24,'scope':0},"
                         "{'address':'10.1.0.4','prefix':24,'scope':0}") "]," NOTHING_ELSE;
    char text[1024];

    enter_namespace();
    snprintf(text, sizeof text, format, "10.1.0.2", "10.1.0.3");
    apply(text);
    expect_text("ip addr show eth0", "10.1.0.2/24 scope global eth0");
    snprintf(text, sizeof text, format, "10.1.0.3", "10.1.0.2");
    apply(text);
    expect_text("ip addr show eth0", "10.1.0.2/24 scope global secondary eth0");
    expect_text("ip route", "src 10.1.0.3");
    apply("'links':[" LINK("eth0", CARD_MAC, "true",
                           "{'address':'10.1.0.4','prefix':24,'scope':0}") "]," NOTHING_ELSE);
    expect_text("ip addr show eth0", "10.1.0.4/24 scope global eth0");
}

static void expect_localnet(const char *link, const char *value) {
    char command[256];

    snprintf(command, sizeof command,
             "cd /proc/sys/net/ipv4/conf/%s && cat route_localnet drop_unicast_in_l2_multicast | uniq", link);
    expect_line(command, value);
}

/* To an address of the loopback network that is elsewhere; the others of it stay the loopback device's. */
static void test_localnet(void) {
    static const char text[] =
        "'links':["
        "{'name':'eth0','mac':'" CARD_MAC "','mtu':1500,'isUp':true,'isCard':true,'acceptRa':false,"
        "'addresses':[{'address':'10.1.0.2','prefix':24,'scope':0}]},"
        "{'name':'eth1','mac':'02:00:00:00:00:02','mtu':1500,'isUp':true,'isCard':false,'acceptRa':false,"
        "'routeLocalnet':true,'addresses':[]}],"
        "'routes':[{'family':4,'destination':'127.0.0.11/32','type':1,'table':255,'protocol':4,'scope':253,"
        "'metric':0,'source':'127.0.0.1','hops':[{'link':'eth1'}]}],'rules':[],"
        "'neighbours':[{'link':'eth1','address':'127.0.0.11','mac':'02:00:00:00:00:03'}]";

    enter_namespace();
    apply(text);
    expect_text("ip route get 127.0.0.11", "127.0.0.11 dev eth1 src 127.0.0.1");
    expect_text("ip route get 127.0.0.12", "local 127.0.0.12 dev lo");
    expect_line("ip neigh show nud permanent", "127.0.0.11 dev eth1 lladdr 02:00:00:00:00:03 PERMANENT");
    expect_line("cat /proc/sys/net/ipv4/conf/eth1/rp_filter", "1");
    expect_localnet("eth0", "0");
    expect_localnet("eth1", "1");
    CHECK(strcmp(output_of("ip addr show eth1 | grep inet || true"), "") == 0, "addresses of eth1");
    apply("'links':[" LINK("eth0", CARD_MAC, "true", "") "]," NOTHING_ELSE);
    expect_text("ip route get 127.0.0.11", "local 127.0.0.11 dev lo");
}

int main(void) {
    if (is_skipped("network-links-test"))
        return 0;
    test_permuted_names();
    test_hidden_card();
    test_first_address();
    test_localnet();
    return 0;
}
