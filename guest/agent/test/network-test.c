/* The operation `network` in namespaces of the host's kernel. */
#include "network-rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Lines of JSON stay as they are. */
/* clang-format off */

/* Something of everything. */
static const char rich[] =
    "'links':["
    LINK("eth0", CARD_MAC, "true",
         "{'address':'10.1.0.2','prefix':16,'broadcast':'10.1.255.255','scope':0},"
         "{'address':'10.1.0.3','prefix':16,'broadcast':'10.1.255.255','scope':0},"
         "{'address':'10.9.0.1','prefix':32,'peer':'10.9.0.2','scope':253},"
         "{'address':'fd00:1::2','prefix':64,'scope':0},"
         "{'address':'fd00:2::2','prefix':64,'scope':0,'noPrefixRoute':true}") ","
    "{'name':'eth1','mac':'02:00:00:00:00:02','mtu':1400,'isUp':true,'isCard':false,'acceptRa':true,"
     "'addresses':[{'address':'10.2.0.2','prefix':24,'scope':0,'noPrefixRoute':true}]},"
    "{'name':'eth2','mac':'02:00:00:00:00:03','mtu':1500,'isUp':false,'isCard':false,'acceptRa':false,"
     "'addresses':[]}],"
    "'routes':["
    "{'family':4,'destination':'default','type':1,'table':254,'protocol':4,'scope':0,'metric':100,"
     "'source':'10.1.0.3','mtu':1300,'hops':[{'link':'eth0','gateway':'10.1.0.1'}]},"
    "{'family':4,'destination':'10.5.0.0/16','type':1,'table':254,'protocol':3,'scope':0,'metric':0,"
     "'hops':[{'link':'eth0','gateway':'10.1.0.7','weight':2},{'link':'eth1','gateway':'10.2.0.1'}]},"
    "{'family':4,'destination':'10.2.0.0/24','type':1,'table':254,'protocol':2,'scope':253,'metric':0,"
     "'source':'10.2.0.2','hops':[{'link':'eth1'}]},"
    "{'family':4,'destination':'10.6.0.0/16','type':6,'table':254,'protocol':3,'scope':0,'metric':0,"
     "'hops':[]},"
    "{'family':4,'destination':'default','type':1,'table':1000,'protocol':3,'scope':0,'metric':0,"
     "'hops':[{'link':'eth1','gateway':'192.0.2.1','isOnLink':true}]},"
    "{'family':4,'destination':'10.7.0.0/16','type':1,'table':254,'protocol':3,'scope':0,'metric':0,"
     "'hops':[{'link':'eth0','gateway':'fd00:1::1'}]},"
    "{'family':4,'destination':'10.8.0.0/16','type':2,'table':255,'protocol':3,'scope':254,'metric':0,"
     "'hops':[{'link':'lo'}]},"
    "{'family':6,'destination':'default','type':1,'table':254,'protocol':3,'scope':0,'metric':0,"
     "'hops':[{'link':'eth0','gateway':'fe80::1'}]},"
    "{'family':6,'destination':'fd00:2::/64','type':1,'table':254,'protocol':3,'scope':0,'metric':300,"
     "'hops':[{'link':'eth0'}]},"
    "{'family':6,'destination':'fd00:5::/48','type':1,'table':254,'protocol':3,'scope':0,'metric':7,"
     "'hops':[{'link':'eth0','gateway':'fd00:1::7'},{'link':'eth0','gateway':'fd00:1::8'}]},"
    "{'family':6,'destination':'fd00:6::/48','type':7,'table':77,'protocol':3,'scope':0,'metric':0,"
     "'hops':[]}],"
    "'rules':["
    "{'family':4,'priority':100,'table':1000,'from':'10.2.0.2/32'},"
    "{'family':4,'priority':101,'table':1000,'to':'10.4.0.0/16','inLink':'eth1','mark':5},"
    "{'family':4,'priority':102,'table':254,'outLink':'eth7','mark':1,'markMask':255},"
    "{'family':6,'priority':100,'table':77,'from':'fd00:2::/64'}],"
    "'neighbours':["
    "{'link':'eth0','address':'10.1.0.9','mac':'02:00:00:00:00:99'},"
    "{'link':'eth0','address':'fd00:1::9','mac':'02:00:00:00:00:99'}],"
    "'files':{'hosts':'127.0.0.1 localhost\\n','resolvConf':'nameserver 10.1.0.1\\n'}";

static const char small[] =
    "'links':["
    LINK("eth0", CARD_MAC, "true", "{'address':'10.1.0.3','prefix':16,'scope':0}") "],"
    "'routes':["
    "{'family':4,'destination':'default','type':1,'table':254,'protocol':4,'scope':0,'metric':0,"
     "'hops':[{'link':'eth0','gateway':'10.1.0.8'}]}],"
    "'rules':[],"
    "'neighbours':[{'link':'eth0','address':'10.1.0.9','mac':'02:00:00:00:00:98'}],"
    "'files':{'hosts':'::1 localhost\\n'}";

/* clang-format on */

static void expect_rich(void) {
    expect_text("ip -d link show eth0", "mtu 1500");
    expect_text("ip -d link show eth0", "link/ether " CARD_MAC);
    expect_text("ip -d link show eth1", "macvlan mode private");
    expect_text("ip -d link show eth1", "mtu 1400");
    expect_text("ip link show eth2", "state DOWN");
    expect_text("ip addr show eth0", "inet 10.1.0.2/16 brd 10.1.255.255 scope global eth0");
    expect_text("ip addr show eth0", "inet 10.1.0.3/16 brd 10.1.255.255 scope global secondary eth0");
    expect_text("ip addr show eth0", "inet 10.9.0.1 peer 10.9.0.2/32 scope link eth0");
    expect_text("ip addr show eth0", "inet6 fd00:1::2/64 scope global nodad");
    expect_text("ip addr show eth0", "inet6 fd00:2::2/64 scope global nodad noprefixroute");
    expect_line("ip route", "default via 10.1.0.1 dev eth0 proto static src 10.1.0.3 metric 100 mtu 1300");
    expect_line("ip route", "nexthop via 10.1.0.7 dev eth0 weight 2");
    expect_line("ip route", "nexthop via 10.2.0.1 dev eth1 weight 1");
    expect_line("ip route", "10.2.0.0/24 dev eth1 proto kernel scope link src 10.2.0.2");
    expect_line("ip route", "blackhole 10.6.0.0/16");
    expect_line("ip route", "10.7.0.0/16 via inet6 fd00:1::1 dev eth0");
    expect_line("ip route show table 1000", "default via 192.0.2.1 dev eth1 onlink");
    expect_line("ip route show table local", "local 10.8.0.0/16 dev lo scope host");
    expect_line("ip -6 route", "default via fe80::1 dev eth0 metric 1024 pref medium");
    expect_line("ip -6 route", "fd00:2::/64 dev eth0 metric 300 pref medium");
    expect_line("ip -6 route", "nexthop via fd00:1::8 dev eth0 weight 1");
    expect_text("ip -6 route show table 77", "unreachable fd00:6::/48");
    expect_line("ip rule", "100: from 10.2.0.2 lookup 1000");
    expect_line("ip rule", "101: from all to 10.4.0.0/16 fwmark 0x5 iif eth1 lookup 1000");
    expect_line("ip rule", "102: from all fwmark 0x1/0xff oif eth7 [detached] lookup main");
    expect_line("ip -6 rule", "100: from fd00:2::/64 lookup 77");
    expect_line("ip neigh show nud permanent", "10.1.0.9 dev eth0 lladdr 02:00:00:00:00:99 PERMANENT");
    expect_line("ip neigh show nud permanent", "fd00:1::9 dev eth0 lladdr 02:00:00:00:00:99 PERMANENT");
}

static void expect_setting(const char *path, const char *value) {
    char command[128];

    snprintf(command, sizeof command, "cat /proc/sys/net/%s", path);
    expect_line(command, value);
}

static void expect_file(const char *name, const char *line) {
    char command[128];

    snprintf(command, sizeof command, "cat %s/etc/%s", nk_settings.run_dir, name);
    expect_line(command, line);
}

static void test_everything(void) {
    enter_namespace();
    apply(rich);
    expect_rich();
    expect_setting("ipv4/conf/eth1/arp_ignore", "1");
    expect_setting("ipv6/conf/eth0/accept_dad", "0");
    expect_setting("ipv6/conf/eth0/accept_ra", "0");
    expect_setting("ipv6/conf/eth1/accept_ra", "1");
    expect_file("hosts", "127.0.0.1 localhost");
    expect_file("resolv.conf", "nameserver 10.1.0.1");
}

static void test_other_request(void) {
    enter_namespace();
    apply(rich);
    sh("ip rule add not from 10.0.0.1 table 9 pref 500 && ip route add throw 10.99.0.0/16 table 12");
    apply(small);
    expect_no_text("ip link", "eth1");
    expect_text("ip addr show eth0", "inet 10.1.0.3/16 scope global eth0");
    expect_no_text("ip addr show eth0", "10.1.0.2");
    expect_no_text("ip addr show eth0", "fd00:");
    CHECK(strcmp(output_of("ip route"), "default via 10.1.0.8 dev eth0 proto static\n"
                                        "10.1.0.0/16 dev eth0 proto kernel scope link src 10.1.0.3\n") == 0,
          "%s", output_of("ip route"));
    CHECK(strcmp(output_of("ip -6 route"), "fe80::/64 dev eth0 proto kernel metric 256 pref medium\n") == 0,
          "%s", output_of("ip -6 route"));
    expect_no_text("ip route show table all", "table 1");
    expect_no_text("ip -6 route show table all", "table 77");
    expect_no_text("ip route show table local", "10.8.0.0");
    CHECK(strcmp(output_of("ip rule"), "0: from all lookup local\n32766: from all lookup main\n"
                                       "32767: from all lookup default\n") == 0,
          "%s", output_of("ip rule"));
    CHECK(strcmp(output_of("ip -6 rule"), "0: from all lookup local\n32766: from all lookup main\n") == 0,
          "%s", output_of("ip -6 rule"));
    CHECK(strcmp(output_of("ip neigh show nud permanent"),
                 "10.1.0.9 dev eth0 lladdr 02:00:00:00:00:98 PERMANENT\n") == 0,
          "%s", output_of("ip neigh show nud permanent"));
    expect_file("hosts", "::1 localhost");
    expect_file("resolv.conf", "nameserver 10.1.0.1");
    apply(rich);
    expect_rich();
}

/* What the container has made for itself stays. */
static void test_others(void) {
    enter_namespace();
    sh("ip link add br0 type bridge && ip addr add 10.88.0.1/16 dev br0 && ip link set br0 up");
    sh("ip route add 10.89.0.0/16 via 10.88.0.2 && ip neigh add 10.88.0.3 lladdr 02:00:00:00:00:55 dev br0");
    sh("ip addr add 10.77.0.1/32 dev lo");
    apply(rich);
    apply(small);
    expect_text("ip addr show br0", "10.88.0.1/16");
    expect_text("ip addr show lo", "10.77.0.1/32");
    expect_text("ip route", "10.89.0.0/16 via 10.88.0.2 dev br0");
    expect_text("ip neigh", "10.88.0.3 dev br0");
}

static void test_usable_at_once(void) {
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = {{{0xfd, 0, 0, 1, [15] = 2}}}};
    int fd;

    enter_namespace();
    apply(rich);
    fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0, "%s", strerror(errno));
    close(fd);
}

static void test_errors(void) {
    enter_namespace();
    expect_error(
        "'links':[" LINK(
            "eth0", CARD_MAC, "true",
            "") "],'rules':[],'neighbours':[],"
                "'routes':[{'family':4,'destination':'default','type':1,'table':254,'protocol':3,'scope':0,"
                "'metric':0,'hops':[{'link':'eth0','gateway':'10.1.0.1'}]}]",
        "SYSTEM",
        "add the route default by 10.1.0.1 on eth0 to table 254: Network is unreachable: Nexthop has "
        "invalid gateway");
    sh("ip link add eth5 type bridge");
    expect_error("'links':[" LINK("eth5", CARD_MAC, "true", "") "]," NOTHING_ELSE, "SYSTEM",
                 "the link eth5 (was eth0): File exists");
    expect_error("'links':[" LINK("eth0", "01:00:00:00:00:01", "true", "") "]," NOTHING_ELSE, "SYSTEM",
                 "the link eth0 (was eth0): Cannot assign requested address");
    nk_card_kind = "";
    expect_error("'links':[" LINK("eth0", CARD_MAC, "true", "") "]," NOTHING_ELSE, "SYSTEM",
                 "expected a network card, found none");
    apply("'links':[]," NOTHING_ELSE);
}

int main(void) {
    char folder[] = "/tmp/nk-network-XXXXXX";

    if (is_skipped("network-test"))
        return 0;
    CHECK(mkdtemp(folder), "%s", folder);
    nk_settings.run_dir = folder;
    test_everything();
    test_other_request();
    test_others();
    test_usable_at_once();
    test_errors();
    sh("rm -r %s", folder);
    return 0;
}
