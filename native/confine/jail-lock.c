/* What a confined server gives up for good. */
#include "common/capabilities.h"
#include "common/fail.h"
#include "common/io.h"
#include "jail.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* To give files any owner, mode, set-id bit, device number and file capability, for any user of the guest.
 * Not DAC_READ_SEARCH: it opens files of the host by handle, past every mount (open_by_handle_at(2)). */
#define BIT(cap) NK_CAPABILITY(cap)
#define OWNERS                                                                                               \
    (BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETUID) |          \
     BIT(CAP_SETGID) | BIT(CAP_MKNOD) | BIT(CAP_SETFCAP))
/* To make a folder of the jail its root, and to empty the bounding set. Neither leads out. */
#define TO_LOCK (BIT(CAP_SYS_CHROOT) | BIT(CAP_SETPCAP))

/* A server acts as the user who asks by changing its own ids, so that files get the right owner. It would
 * lose its capabilities on the way, and the host's kernel would check again what the guest's has checked
 * already, without knowing the user's other groups. */
static int keep_capabilities_of_users(void) {
    return prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED);
}

/* Those that are left. */
static uint64_t capabilities(const struct jail_lock *lock) {
    return (lock->owners ? OWNERS : 0) | (lock->locks_itself ? TO_LOCK : 0);
}

static int become_user(unsigned user) {
    if (!user)
        return 0;
    return setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 ? -1 : setresuid(user, user, user);
}

static int reduce_rights(const struct jail_lock *lock) {
    uint64_t mask = capabilities(lock);

    return capabilities_limit(mask) < 0 || become_user(lock->user) < 0 ? -1 : capabilities_set(mask);
}

int raise_limit(int which, unsigned long value) {
    struct rlimit limit = {value, value};

    if (setrlimit((__rlimit_resource_t)which, &limit) == 0)
        return 0;
    if (getrlimit((__rlimit_resource_t)which, &limit) < 0)
        return -1;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit((__rlimit_resource_t)which, &limit);
}

static bool groups_are_kept(void) {
    char text[8] = "";

    return nk_read_file(AT_FDCWD, "/proc/self/setgroups", text, sizeof text) > 0 &&
           strncmp(text, "deny", 4) == 0;
}

int jail_lock(struct jail_lock *lock) {
    if (raise_limit(RLIMIT_NOFILE, lock->files) < 0)
        return fail_errno("cannot limit open files");
    if (lock->unlocked)
        return 0;
    lock->groups = groups_are_kept();
    if (lock->owners && keep_capabilities_of_users() < 0)
        return fail_errno("cannot keep capabilities");
    if (reduce_rights(lock) < 0)
        return fail_errno("cannot give up the rights of root");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || jail_filter(lock) < 0)
        return fail_errno("cannot filter the program's system calls");
    return 0;
}
