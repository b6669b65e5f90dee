#include "child.h"

#include "agent.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_STRAYS 64

void (*nk_on_terminate)(void);

static struct nk_child *children;
static struct nk_source signals;

/* Reaped, not yet claimed: a ring. */
static struct {
    pid_t pid;
    int status;
} strays[MAX_STRAYS];
static unsigned next_stray;
static unsigned expecting;

void nk_child_forget(struct nk_child *child) {
    for (struct nk_child **at = &children; *at; at = &(*at)->next) {
        if (*at == child) {
            *at = child->next;
            break;
        }
    }
    child->watched = false;
}

static void reaped(pid_t pid, int status) {
    for (struct nk_child *child = children; child; child = child->next) {
        if (child->pid == pid) {
            nk_child_forget(child);
            child->exited(child, status);
            return;
        }
    }
    if (expecting > 0) {
        strays[next_stray].pid = pid;
        strays[next_stray].status = status;
        next_stray = (next_stray + 1) % MAX_STRAYS;
    }
}

void nk_child_watch(struct nk_child *child, pid_t pid) {
    child->pid = pid;
    for (unsigned i = 0; i < MAX_STRAYS; i++) {
        if (strays[i].pid == pid) {
            strays[i].pid = 0;
            child->exited(child, strays[i].status);
            return;
        }
    }
    child->watched = true;
    child->next = children;
    children = child;
}

void nk_children_expect_orphans(void) {
    expecting++;
}

void nk_children_settle_orphans(void) {
    if (--expecting > 0)
        return;
    /* A pid may come again: what nobody claimed by now, nobody will. */
    for (unsigned i = 0; i < MAX_STRAYS; i++)
        strays[i].pid = 0;
}

static void on_signal(struct nk_source *source, uint32_t events) {
    struct signalfd_siginfo info;
    bool terminate = false;
    pid_t pid;
    int status;

    (void)events;
    while (read(source->fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            terminate = true;
    }
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        reaped(pid, status);
    if (terminate)
        nk_on_terminate();
}

int nk_children_init(void) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -1;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return -1;
    signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signals.ready = on_signal;
    return signals.fd < 0 ? -1 : nk_loop_add(&signals, EPOLLIN);
}

/* After vfork: system calls alone, and nothing of the parent's memory is changed. */
static void become(const char *program, char *const argv[], const int stdio[3]) {
    sigset_t none;
    int adj;

    for (int i = 0; i < 3; i++) {
        if (dup2(stdio[i], i) < 0)
            _exit(127);
    }
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    /* PID 1 may not be killed for want of memory; containers may. */
    adj = nk_settings.owns_machine ? open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC) : -1;
    if (adj >= 0 && write(adj, "0", 1) < 0)
        _exit(127);
    execv(program, argv);
    _exit(127);
}

pid_t nk_child_spawn(const char *program, char *const argv[], const int stdio[3]) {
    /* fork would copy the page tables: several times the cost in an emulated machine. */
    pid_t pid = vfork();

    if (pid == 0)
        become(program, argv, stdio);
    return pid;
}
