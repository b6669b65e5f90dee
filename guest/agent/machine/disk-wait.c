#include "disk-wait.h"

#include "base/loop.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The smallest image has more: a stand-in has a sector or some. */
#define MIN_DISK_BYTES 4096
#define WAIT_US 10000000
/* Messages that the kernel itself multicasts (udev's own have group 2). */
#define KERNEL_UEVENTS 1

struct wait {
    struct nk_source uevents;
    struct nk_timer deadline;
    char *path;
    struct nk_request *request;
    void (*then)(struct nk_request *request);
};

bool nk_disk_is_stand_in(const char *path) {
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t bytes = 0;

    return fd >= 0 && ioctl(fd, BLKGETSIZE64, &bytes) == 0 && bytes < MIN_DISK_BYTES;
}

static void finish(struct wait *wait) {
    struct nk_request *request = wait->request;
    void (*then)(struct nk_request * request) = wait->then;

    nk_loop_close(&wait->uevents);
    nk_timer_stop(&wait->deadline);
    free(wait->path);
    free(wait);
    then(request);
}

/* What they say does not matter, nor whether one was lost: the size is asked for after each. */
static void on_uevent(struct nk_source *source, uint32_t events) {
    struct wait *wait = (struct wait *)((char *)source - offsetof(struct wait, uevents));
    char message[2048];

    (void)events;
    while (recv(source->fd, message, sizeof message, 0) >= 0 || errno == ENOBUFS || errno == EINTR)
        ;
    if (!nk_disk_is_stand_in(wait->path))
        finish(wait);
}

static void on_deadline(struct nk_timer *timer) {
    finish((struct wait *)((char *)timer - offsetof(struct wait, deadline)));
}

static int listen_to_kernel(void) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_UEVENTS};
    cleanup_close int fd =
        socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return nk_take_fd(&fd);
}

int nk_disk_wait(const char *path, struct nk_request *request, void (*then)(struct nk_request *request)) {
    struct wait *wait = calloc(1, sizeof *wait);
    char *copy = strdup(path);
    int fd = listen_to_kernel();

    if (wait && copy && fd >= 0) {
        *wait = (struct wait){.path = copy, .request = request, .then = then};
        wait->uevents = (struct nk_source){.fd = fd, .ready = on_uevent};
        wait->deadline.fire = on_deadline;
        if (nk_loop_add(&wait->uevents, EPOLLIN) == 0) {
            nk_timer_start(&wait->deadline, WAIT_US);
            /* It may have grown before anybody listened. */
            if (!nk_disk_is_stand_in(path))
                nk_timer_start(&wait->deadline, 0);
            return 0;
        }
    }
    nk_cleanup_close(&fd);
    free(copy);
    free(wait);
    return -1;
}
