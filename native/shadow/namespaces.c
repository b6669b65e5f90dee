#include "namespaces.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/syscalls.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

unsigned long namespaces_to_make(const struct plan *plan) {
    return CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
           (plan->netns == NETNS_NEW ? CLONE_NEWNET : 0);
}

int namespaces_set_up(const struct plan *plan) {
    if (plan->netns == NETNS_PATH) {
        /* What is no namespace may be a pipe, at which nobody writes. */
        cleanup_close int fd = open(plan->netns_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
            return fail_errno("cannot join the network namespace %s", plan->netns_path);
    }
    if (plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
        return fail_errno("cannot set the host name %s", plan->hostname);
    return 0;
}

int namespaces_open(pid_t pid, int *pidfd) {
    *pidfd = nk_pidfd_open(pid);
    if (*pidfd < 0)
        return fail_errno("cannot find the container's shadow %d", (int)pid);
    if (setns(*pidfd, CLONE_NEWPID) < 0)
        return fail_errno("cannot join the pid namespace of the shadow %d", (int)pid);
    return 0;
}

/* With the host's network there is nothing to join, which root of a user namespace could not. */
static int network_to_join(pid_t pid) {
    struct stat ours, theirs;
    char path[32];

    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    if (stat("/proc/self/ns/net", &ours) < 0 || stat(path, &theirs) < 0)
        return CLONE_NEWNET;
    return ours.st_ino == theirs.st_ino ? 0 : CLONE_NEWNET;
}

int namespaces_enter(pid_t pid, int pidfd) {
    if (setns(pidfd, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | network_to_join(pid)) < 0)
        return fail_errno("cannot join the namespaces of the shadow");
    return chdir("/") < 0 ? fail_errno("cannot enter the container's root") : 0;
}
