/* nk-shadow unpersist: the tap that a program has opened goes with the program. */
#include "commands.h"
#include "common/cleanup.h"
#include "common/fail.h"
#include "common/foreign-descriptors.h"
#include "common/syscalls.h"
#include "common/words.h"

#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Character device of /dev/net/tun (kernel: Documentation/admin-guide/devices.txt). */
#define TUN_MAJOR 10
#define TUN_MINOR 200

static bool is_tun(int folder, const char *name) {
    struct stat found;

    return fstatat(folder, name, &found, 0) == 0 && S_ISCHR(found.st_mode) &&
           found.st_rdev == makedev(TUN_MAJOR, TUN_MINOR);
}

/* A tap with one queue can be attached once: what is asked of it is asked by the program's own descriptor. */
static int unpersist(int pidfd, int folder, const char *name) {
    cleanup_close int fd = -1;

    if (!is_tun(folder, name))
        return 0;
    fd = nk_pidfd_getfd(pidfd, atoi(name));
    if (fd < 0)
        return fail_errno("cannot take descriptor %s of the program", name);
    return ioctl(fd, TUNSETPERSIST, 0) < 0 ? fail_errno("descriptor %s of the program", name) : 1;
}

int unpersist_command(const char *pid) {
    unsigned number;
    int count;

    if (words_number(pid, &number) < 0) {
        fputs("usage: nk-shadow unpersist PID\n", stderr);
        return 125;
    }
    count = foreign_descriptors((pid_t)number, unpersist);
    if (count == 0)
        fail("expected process %u to have a tap open, found none", number);
    if (count > 0)
        return 0;
    fprintf(stderr, "nk-shadow unpersist: %s\n", fail_text());
    return 1;
}
