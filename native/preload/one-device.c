/* Preloaded into diod (decision 9). diod shows nothing of a folder whose device is not that of the folder
 * above, so bind mounts would be empty. Here all files seem to be on one device, and the inode numbers of
 * other devices than the first are told apart by their upper bits. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define THE_DEVICE 1
/* Inode numbers below 2^44 keep their lower bits; file systems count up from 1. */
#define DEVICE_BITS 0xfffff00000000000u
/* 2^64 divided by the golden ratio: spreads small numbers over the upper bits (Knuth, vol. 3, 6.4). */
#define SPREAD 0x9e3779b97f4a7c15u

static int to_one_device(int result, struct stat *info) {
    if (result < 0)
        return -1;
    info->st_ino ^= info->st_dev * SPREAD & DEVICE_BITS;
    info->st_dev = THE_DEVICE;
    return 0;
}

static int stat_at(int dir, const char *path, struct stat *info, int flags) {
    return to_one_device((int)syscall(SYS_newfstatat, dir, path, info, flags), info);
}

int stat(const char *path, struct stat *info) {
    return stat_at(AT_FDCWD, path, info, 0);
}

int lstat(const char *path, struct stat *info) {
    return stat_at(AT_FDCWD, path, info, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *info) {
    return stat_at(fd, "", info, AT_EMPTY_PATH);
}

/* Names of the same in programs built with a C library before 2.33. */
int __xstat(int version, const char *path, struct stat *info) {
    (void)version;
    return stat(path, info);
}

int __lxstat(int version, const char *path, struct stat *info) {
    (void)version;
    return lstat(path, info);
}

int __fxstat(int version, int fd, struct stat *info) {
    (void)version;
    return fstat(fd, info);
}

/* diod knows locks of whole files only, where the guest asks for ranges: two processes of the guest would
 * wait for each other for nothing. The guest's kernel keeps its own locks, in full, before it asks. */
int flock(int fd, int operation) {
    (void)fd;
    (void)operation;
    return 0;
}

/* A file system without attributes has none of them. diod would write a line into its log each time that the
 * guest asks, which it does for the access control list of every file it looks up. */
ssize_t lgetxattr(const char *path, const char *name, void *value, size_t size) {
    ssize_t got = syscall(SYS_lgetxattr, path, name, value, size);

    if (got < 0 && errno == EOPNOTSUPP)
        errno = ENODATA;
    return got;
}
