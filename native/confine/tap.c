/* A tap in a network namespace of its own. */
#include "tap.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/words.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#define TUN "/dev/net/tun"
#define VHOST "/dev/vhost-net"

int tap_option(struct tap *tap, char **words, int left) {
    if (left < 3 || strcmp(words[0], "--tap") != 0 || words_number(words[1], &tap->first_fd) < 0 ||
        words_number(words[2], &tap->queues) < 0 || tap->queues < 1 || tap->queues > TAP_MAX_QUEUES)
        return 0;
    tap->vhost = left > 3 && strcmp(words[3], "vhost") == 0;
    return tap->vhost ? 4 : 3;
}

int tap_unshare(const struct tap *tap) {
    if (tap->queues && unshare(CLONE_NEWNET) < 0)
        return fail_errno("cannot make a network namespace");
    return 0;
}

/* A packet comes with what the guest has left to do: its checksum, its cut into segments (IFF_VNET_HDR). */
static int open_queue(unsigned queues) {
    struct ifreq request = {.ifr_name = TAP_NAME};
    int fd = open(TUN, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return fail_errno("cannot open %s", TUN);
    request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0));
    if (ioctl(fd, TUNSETIFF, &request) < 0)
        return fail_errno("cannot make a tap");
    return fd;
}

static int open_vhost(void) {
    int fd = open(VHOST, O_RDWR | O_CLOEXEC);

    return fd < 0 ? fail_errno("cannot open %s", VHOST) : fd;
}

int tap_open(const struct tap *tap, int fds[2 * TAP_MAX_QUEUES]) {
    int count = (int)(tap->queues * (tap->vhost ? 2 : 1));

    for (int i = 0; i < count; i++) {
        fds[i] = i < (int)tap->queues ? open_queue(tap->queues) : open_vhost();
        if (fds[i] < 0)
            return -1;
    }
    return count;
}

int tap_leave(unsigned user) {
    cleanup_close int fd = open_queue(1);

    if (fd < 0)
        return -1;
    if (ioctl(fd, TUNSETOWNER, user) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
        return fail_errno("cannot leave the tap to user %u", user);
    return 0;
}
