#include "signals.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's signal set. glibc's calls hide signals 32 and 33, which a container may well be sent. */
#define KERNEL_SET_BYTES 8
#define LAST_SIGNAL 64

bool signals_forwarded(int signal) {
    switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    case SIGCHLD:
    case SIGPIPE:
    case SIGTTIN:
    case SIGTTOU:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGABRT:
    case SIGTRAP:
        return false;
    default:
        return signal >= 1 && signal <= LAST_SIGNAL;
    }
}

static uint64_t forwarded_set(void) {
    uint64_t set = 0;

    for (int n = 1; n <= LAST_SIGNAL; n++)
        set |= signals_forwarded(n) ? UINT64_C(1) << (n - 1) : 0;
    return set;
}

static void set_mask(uint64_t set) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, KERNEL_SET_BYTES);
}

void signals_block(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    set_mask(forwarded_set());
}

int signals_open(void) {
    uint64_t set = forwarded_set();

    return (int)syscall(SYS_signalfd4, -1, &set, KERNEL_SET_BYTES, SFD_NONBLOCK | SFD_CLOEXEC);
}

void signals_reset(void) {
    for (int n = 1; n <= LAST_SIGNAL; n++)
        signal(n, SIG_DFL);
    set_mask(0);
}

int signals_die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* A parent that died before the line above sends no signal any more. */
    return getppid() == parent ? 0 : -1;
}
