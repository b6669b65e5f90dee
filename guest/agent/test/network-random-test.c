/* Requests at random, one after the other: what the network is then does not depend on what it was. */
#include "network-rig.h"

#include <fcntl.h>

#define ROUNDS 25
#define TEXT_BYTES 16384

static unsigned seed = 7;

static unsigned pick(unsigned count) {
    return (unsigned)rand_r(&seed) % count;
}

static char text[TEXT_BYTES];
static size_t used;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    va_list args;

    va_start(args, format);
    used += (size_t)vsnprintf(text + used, sizeof text - used, format, args);
    va_end(args);
    CHECK(used < sizeof text, "long");
}

/* The first `count` are so many different numbers below 4. */
static void shuffle(unsigned numbers[4]) {
    for (unsigned i = 0; i < 4; i++)
        numbers[i] = i;
    for (unsigned i = 3; i > 0; i--) {
        unsigned k = pick(i + 1);
        unsigned kept = numbers[i];
        numbers[i] = numbers[k];
        numbers[k] = kept;
    }
}

/* Up to three of each version, in a network of the link's own; the first is there always. */
static void say_addresses(unsigned net) {
    unsigned hosts[4];
    unsigned count = 1 + pick(3);

    shuffle(hosts);
    for (unsigned i = 0; i < count; i++) {
        say("%s{'address':'10.%u.0.%u','prefix':%s,'scope':0%s}", i > 0 ? "," : "", net, hosts[i] + 2,
            i == 0 || pick(2) ? "24" : "16", pick(3) ? "" : ",'noPrefixRoute':true");
        if (pick(2))
            say(",{'address':'fd00:%u::%u','prefix':64,'scope':0}", net, hosts[i] + 2);
    }
    if (pick(3) == 0)
        say(",{'address':'fd01:%u::1','prefix':128,'peer':'fd01:%u::2','scope':0}", net, net);
}

static void say_links(const unsigned names[4], const unsigned macs[4], unsigned count) {
    unsigned card = pick(count + 1);

    say("'links':[");
    for (unsigned i = 0; i < count; i++) {
        say("%s{'name':'eth%u','mac':'02:00:00:00:00:0%u','mtu':%u,'isUp':true,'isCard':%s,'acceptRa':false,"
            "'addresses':[",
            i > 0 ? "," : "", names[i], macs[i], i == card || pick(2) ? 1500 : 1400,
            i == card ? "true" : "false");
        say_addresses(names[i]);
        say("]}");
    }
}

/* By a gateway that is on the link in any case, for an address may make no route. */
static void say_routes(const unsigned names[4], unsigned count) {
    say("],'routes':[");
    for (unsigned i = 0; i < count; i++) {
        say("%s{'family':4,'destination':'10.%u.0.0/16','type':1,'table':%u,'protocol':3,'scope':0,"
            "'metric':%u,'hops':[{'link':'eth%u','gateway':'10.%u.0.9','isOnLink':true}]}",
            i > 0 ? "," : "", 100 + pick(2), 254 + 700 * pick(2), i, names[i], names[i]);
        if (pick(2))
            say(",{'family':6,'destination':'fd00:99::/48','type':1,'table':254,'protocol':4,'scope':0,"
                "'metric':%u,'hops':[{'link':'eth%u','gateway':'fe80::%u'}]}",
                10 + i, names[i], 1 + pick(2));
    }
    if (pick(2))
        say("%s{'family':%s,'destination':'default','type':%u,'table':254,'protocol':3,'scope':0,'metric':9,"
            "'hops':[]}",
            count > 0 ? "," : "", pick(2) ? "4" : "6", 6 + pick(3));
}

static void say_rest(const unsigned names[4], unsigned count) {
    say("],'rules':[");
    for (unsigned i = 0; i < 3; i++)
        say("%s{'family':%s,'priority':%u,'table':%u,'mark':%u}", i > 0 ? "," : "", pick(2) ? "4" : "6",
            100 + pick(2), 954 + pick(2), 1 + i);
    say("],'neighbours':[");
    for (unsigned i = 0; i < count; i++)
        say("%s{'link':'eth%u','address':'10.%u.0.9','mac':'02:00:00:00:01:0%u'}", i > 0 ? "," : "", names[i],
            names[i], pick(3));
    say("]");
}

static void make_request(void) {
    unsigned names[4];
    unsigned macs[4];
    unsigned count = pick(5);

    used = 0;
    shuffle(names);
    shuffle(macs);
    say_links(names, macs, count);
    say_routes(names, count);
    say_rest(names, count);
}

/* Without numbers, and what the kernel does in its own time: link-local addresses, carriers, what leads to
 * IPv6 addresses themselves. */
static char *network_of(void) {
    return strdup(
        output_of("(ip -o addr; ip -4 route show table all; ip -6 route show table all; ip rule;"
                  " ip -6 rule; ip neigh show nud permanent; ip -br link | awk '{ print $1, $3 }')"
                  " | sed 's/^[0-9]*: //; s/@[^ ]*//; s/ linkdown//; s/ *$//'"
                  " | grep -v 'nkcard\\|fe80::[^12]\\|^[^ ]* fd.* table local\\|^multicast\\|^anycast"
                  "\\|^fd01:[^ ]*:2 ' | sort"));
}

int main(void) {
    char folder[] = "/tmp/nk-network-XXXXXX";
    int first;

    if (is_skipped("network-random-test"))
        return 0;
    CHECK(mkdtemp(folder), "%s", folder);
    nk_settings.run_dir = folder;
    enter_namespace();
    /* Its other end stays, until we end. */
    far_pid = 0;
    first = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < ROUNDS; i++) {
        char *found;
        char *expected;
        make_request();
        apply(text);
        found = network_of();
        enter_namespace();
        apply(text);
        expected = network_of();
        CHECK(strcmp(found, expected) == 0, "round %d: %s\nexpected:\n%s\nfound:\n%s", i, text, expected,
              found);
        free(found);
        free(expected);
        CHECK(setns(first, CLONE_NEWNET) == 0, "%s", strerror(errno));
    }
    sh("rm -r %s", folder);
    return 0;
}
