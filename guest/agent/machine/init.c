#include "init.h"

#include "base/agent.h"
#include "base/log.h"
#include "cgroup.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static const struct {
    const char *fstype;
    const char *target;
    unsigned long flags;
    const char *options;
    bool optional;
} mounts[] = {
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "", false},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, "", false},
    {"devtmpfs", "/dev", MS_NOSUID, "mode=0755", false},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666", false},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", false},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755", false},
    {"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, "", true},
};

/* pivot_root refuses a root that no mount is above, as an initramfs is. A bind mount of it, moved over it, is
 * such a mount and costs no copy. */
static int leave_initramfs(struct nk_error *e) {
    struct statfs info;

    if (statfs("/", &info) < 0)
        return nk_fail_errno(e, "statfs /");
    if (info.f_type != RAMFS_MAGIC && info.f_type != TMPFS_MAGIC)
        return 0;
    if (mkdir("/newroot", 0755) < 0 && errno != EEXIST)
        return nk_fail_errno(e, "mkdir /newroot");
    if (mount("/", "/newroot", NULL, MS_BIND, NULL) < 0 || chdir("/newroot") < 0)
        return nk_fail_errno(e, "bind mount of the root");
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        return nk_fail_errno(e, "move of the root");
    return 0;
}

static int mount_all(struct nk_error *e) {
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        mkdir(mounts[i].target, 0755);
        if (mount(mounts[i].fstype, mounts[i].target, mounts[i].fstype, mounts[i].flags, mounts[i].options) ==
            0)
            continue;
        /* The kernel mounts devtmpfs itself when it is told to. */
        if (errno == EBUSY || mounts[i].optional)
            continue;
        return nk_fail_errno(e, "mount %s on %s", mounts[i].fstype, mounts[i].target);
    }
    return 0;
}

/* The image may have no /dev/console: then 0, 1 and 2 are free, and must not become something else. */
static void open_console(void) {
    int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int null_fd = open("/dev/null", O_RDWR);

    while (null_fd >= 0 && null_fd < 3)
        null_fd = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3 && null_fd >= 3; i++)
        dup2(null_fd, i);
    nk_cleanup_close(&null_fd);
    /* Above 2: what was opened before may have been replaced. */
    if (fd >= 0 && fd < 3)
        fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    nk_log_set_console(fd);
}

static void bring_loopback_up(void) {
    cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo"};

    if (fd < 0)
        return;
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        nk_log(NK_WARN, "loopback: %m");
}

static void make_links(void) {
    static const char *const links[][2] = {
        {"/proc/self/fd", "/dev/fd"},
        {"/proc/self/fd/0", "/dev/stdin"},
        {"/proc/self/fd/1", "/dev/stdout"},
        {"/proc/self/fd/2", "/dev/stderr"},
    };

    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
            nk_log(NK_WARN, "link %s: %m", links[i][1]);
    }
}

int nk_init_machine(struct nk_error *e) {
    uint64_t start_us = nk_boottime_us();

    umask(022);
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    if (leave_initramfs(e) < 0 || mount_all(e) < 0)
        return -1;
    open_console();
    make_links();
    nk_write_file(AT_FDCWD, "/proc/self/oom_score_adj", "-1000");
    /* Ctrl-Alt-Del, the only request to end that some VMMs have, becomes a SIGINT. */
    reboot(RB_DISABLE_CAD);
    nk_step("mounts", start_us, "root, file systems, console");

    start_us = nk_boottime_us();
    nk_modules_load("/etc/nk/modules");
    nk_step("modules", start_us, "/etc/nk/modules");
    return 0;
}

void nk_init_rest(void) {
    uint64_t start_us = nk_boottime_us();

    nk_cgroup_enable_controllers(nk_settings.cgroup_root);
    /* Some hosts allow a process more open files than kernels do by default: 2^31 - 64 is what all allow. */
    nk_write_file(AT_FDCWD, "/proc/sys/fs/nr_open", "2147483584");
    /* As systemd does on hosts: `ping` works without a capability. */
    nk_write_file(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    bring_loopback_up();
    nk_step("controllers", start_us, "cgroup controllers, loopback");
}

bool nk_init_has_option(const char *word) {
    char line[4096];
    char *rest = line;
    char *option;

    if (nk_read_file(AT_FDCWD, "/proc/cmdline", line, sizeof line) < 0)
        return false;
    while ((option = strsep(&rest, " \n"))) {
        if (strcmp(option, word) == 0)
            return true;
    }
    return false;
}
