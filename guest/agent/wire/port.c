#include "port.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define PORTS "/sys/class/virtio-ports"
#define PORT_NAME "nk.agent\n"

static int open_device(const char *device) {
    char path[300];

    snprintf(path, sizeof path, "/dev/%s", device);
    return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

int nk_port_open(void) {
    cleanup_dir DIR *dir = opendir(PORTS);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char path[300];
        char name[64];
        snprintf(path, sizeof path, "%s/name", entry->d_name);
        if (entry->d_name[0] != '.' && nk_read_file(dirfd(dir), path, name, sizeof name) > 0 &&
            strcmp(name, PORT_NAME) == 0)
            return open_device(entry->d_name);
    }
    errno = ENOENT;
    return -1;
}

int nk_port_open_uevents(void) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    cleanup_close int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return nk_take_fd(&fd);
}

void nk_port_drain_uevents(int fd) {
    char event[8192];

    while (recv(fd, event, sizeof event, 0) > 0 || errno == EINTR || errno == ENOBUFS)
        errno = 0;
}
