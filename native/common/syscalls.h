/* System calls that glibc before 2.36 has no wrappers for (Ubuntu 22.04), with their kernel constants. */
#ifndef NK_SYSCALLS_H
#define NK_SYSCALLS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NK_MS_NOSYMFOLLOW 256u
#define NK_OPEN_TREE_CLONE 1u
#define NK_AT_RECURSIVE 0x8000u
#define NK_MOVE_MOUNT_F_EMPTY_PATH 0x04u
#define NK_MOVE_MOUNT_T_EMPTY_PATH 0x40u

#define NK_FSOPEN_CLOEXEC 1u
#define NK_FSMOUNT_CLOEXEC 1u
#define NK_FSCONFIG_CMD_CREATE 6u

#define NK_ATTR_RDONLY 0x01u
#define NK_ATTR_NOSUID 0x02u
#define NK_ATTR_NODEV 0x04u
#define NK_ATTR_NOEXEC 0x08u
#define NK_ATTR_ATIME_MASK 0x70u
#define NK_ATTR_RELATIME 0x00u
#define NK_ATTR_NOATIME 0x10u
#define NK_ATTR_STRICTATIME 0x20u
#define NK_ATTR_NODIRATIME 0x80u
#define NK_ATTR_NOSYMFOLLOW 0x200000u

struct nk_mount_attr {
    uint64_t attr_set;
    uint64_t attr_clr;
    uint64_t propagation;
    uint64_t userns_fd;
};

static inline int nk_open_tree(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

/* Attaches the detached tree `from` at `path` below `to`, or on `to` itself when `path` is "". */
static inline int nk_move_mount(int from, int to, const char *path) {
    unsigned flags = NK_MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : NK_MOVE_MOUNT_T_EMPTY_PATH);

    return (int)syscall(SYS_move_mount, from, "", to, path, flags);
}

/* A new file system of that type with its defaults, mounted nowhere yet. */
static inline int nk_new_mount(const char *fstype) {
    int context = (int)syscall(SYS_fsopen, fstype, NK_FSOPEN_CLOEXEC);
    int mount = -1;

    if (context < 0)
        return -1;
    if (syscall(SYS_fsconfig, context, NK_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = (int)syscall(SYS_fsmount, context, NK_FSMOUNT_CLOEXEC, 0);
    close(context);
    return mount;
}

static inline int nk_mount_setattr(int fd, unsigned flags, struct nk_mount_attr *attr) {
    return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, attr, sizeof *attr);
}

#define NK_OPENAT2_TRIES 1000

/* The kernel gives up a ".." while anybody renames or mounts anything, and leaves it to the caller to try
 * again (openat2(2), EAGAIN). */
static inline int nk_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
    int fd = -1;

    for (int tries = 0; tries < NK_OPENAT2_TRIES; tries++) {
        fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return fd;
}

static inline int nk_close_range(unsigned first, unsigned last) {
    return (int)syscall(SYS_close_range, first, last, 0);
}

static inline int nk_pidfd_open(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A copy of the descriptor `fd` of that process, for who may trace it. */
static inline int nk_pidfd_getfd(int pidfd, int fd) {
    return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

#endif
