#include "guard.h"

#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/syscalls.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

static void watch(int owner, int guarded) {
    struct pollfd ends[] = {{.fd = owner, .events = POLLIN}, {.fd = guarded, .events = POLLIN}};

    while (poll(ends, 2, -1) < 0)
        ;
    if (ends[0].revents)
        syscall(SYS_pidfd_send_signal, guarded, SIGKILL, NULL, 0);
}

int guard_start(pid_t owner) {
    cleanup_close int owner_fd = nk_pidfd_open(owner);
    cleanup_close int guarded_fd = nk_pidfd_open(getpid());
    pid_t child;

    if (owner_fd < 0 || guarded_fd < 0 || (child = fork()) < 0)
        return -1;
    if (child == 0) {
        const int kept[] = {owner_fd, guarded_fd};
        /* Its streams too: who waits for their end waits for the guarded process alone. */
        descriptors_close_except(0, kept, 2);
        prctl(PR_SET_NAME, "nk-guard");
        watch(owner_fd, guarded_fd);
        _exit(0);
    }
    return 0;
}
