#include "socket.h"

#include "base/rundir.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int path_of(uint32_t number, struct sockaddr_un *address, struct nk_error *e) {
    char name[16];

    address->sun_family = AF_UNIX;
    snprintf(name, sizeof name, "%u", number);
    return nk_rundir_path(address->sun_path, sizeof address->sun_path, "sockets", name, e);
}

/* Whoever may connect to the host's may connect to ours. */
static int take_over(const char *path, const struct stat *host, struct nk_error *e) {
    if (lchown(path, host->st_uid, host->st_gid) < 0 || chmod(path, host->st_mode & 07777) < 0)
        return nk_fail_errno(e, "owner and mode of %s", path);
    return 0;
}

/* What is at `target` may have been made a link since the host looked at it: none is followed. */
static int cover(const char *path, const char *target, struct nk_error *e) {
    cleanup_close int place = open(target, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    char by_number[64];
    struct stat info;

    if (place < 0 || fstat(place, &info) < 0)
        return nk_fail_errno(e, "%.256s", target);
    if (!S_ISSOCK(info.st_mode))
        return nk_fail(e, NK_BAD_STATE, "%.256s: expected a socket, found something else", target);
    if (take_over(path, &info, e) < 0)
        return -1;
    snprintf(by_number, sizeof by_number, "/proc/self/fd/%d", place);
    return mount(path, by_number, NULL, MS_BIND, NULL) < 0 ? nk_fail_errno(e, "mount on %.256s", target) : 0;
}

int nk_socket_put(uint32_t number, const char *target, int type, struct nk_error *e) {
    struct sockaddr_un address;
    cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return nk_fail_errno(e, "socket");
    if (path_of(number, &address, e) < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return nk_fail_errno(e, "bind %s", address.sun_path);
    if (cover(address.sun_path, target, e) < 0) {
        unlink(address.sun_path);
        return -1;
    }
    if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0) {
        nk_fail_errno(e, "listen");
        nk_socket_remove(number, target);
        return -1;
    }
    return nk_take_fd(&fd);
}

void nk_socket_remove(uint32_t number, const char *target) {
    struct sockaddr_un address;
    struct nk_error ignored;

    /* The file may have gone on the host, and the mount with it. */
    umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH);
    if (path_of(number, &address, &ignored) == 0)
        unlink(address.sun_path);
}
