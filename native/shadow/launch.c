#include "launch.h"

#include "common/fail.h"
#include "common/halt.h"
#include "common/signals.h"
#include "rights.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* One packet each: READY or FAILED and its text from the child, RELEASE from the launcher with the modes of a
 * terminal that it has made raw, RELEASED from the child. */
enum { READY = 'R', FAILED = 'E', RELEASE = 'G', RELEASED = 'A' };

/* As a process that its terminal's end has killed. */
#define STATUS_HUNG_UP (128 + SIGHUP)

/* Returns the bytes; <0: the other end is gone. */
static ssize_t receive(int sync, char *packet, size_t size) {
    ssize_t got;

    do {
        got = recv(sync, packet, size - 1, 0);
    } while (got < 0 && errno == EINTR);
    packet[got > 0 ? got : 0] = '\0';
    return got > 0 ? got : -1;
}

static int send_packet(int sync, char kind, const void *bytes, size_t length) {
    char packet[NK_FAIL_MAX_BYTES + 1] = {kind};

    memcpy(packet + 1, bytes, length);
    return send(sync, packet, length + 1, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int fail_to_launcher(int sync) {
    send_packet(sync, FAILED, fail_text(), strnlen(fail_text(), NK_FAIL_MAX_BYTES));
    return 1;
}

/* <0: the launcher ended instead. */
static int await_release(int sync, struct caller *caller) {
    char packet[1 + sizeof caller->saved + 1];
    ssize_t got = receive(sync, packet, sizeof packet);

    if (got < 0 || packet[0] != RELEASE)
        return -1;
    caller->launcher = got > 1 ? sync : -1;
    if (got > 1)
        memcpy(&caller->saved, packet + 1, sizeof caller->saved);
    return 0;
}

/* In the child. A launcher that died before the death signal was set is noticed as the end of `sync`. */
static int child_main(int sync, const struct child_work *work) {
    struct caller caller = {0};
    char name[16];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(name, sizeof name, "nk-%s", work->role);
    prctl(PR_SET_NAME, name);
    signals_block();
    halt_at("%s: namespaces made", work->role);
    if (work->prepare(work->context, &sync) < 0 || rights_drop() < 0)
        return fail_to_launcher(sync);
    halt_at("%s: prepared", work->role);
    if (send_packet(sync, READY, "", 0) < 0 || await_release(sync, &caller) < 0)
        return 1;
    prctl(PR_SET_PDEATHSIG, 0);
    if (send_packet(sync, RELEASED, "", 0) < 0)
        return 1;
    if (caller.launcher < 0)
        close(sync);
    return work->run(work->context, &caller);
}

static pid_t watched_caller;

void launch_with_caller(void) {
    watched_caller = getppid();
    prctl(PR_SET_PDEATHSIG, SIGHUP);
}

static bool caller_is_gone(void) {
    return watched_caller > 0 && getppid() != watched_caller;
}

int launch_start(struct child *child, unsigned long clone_flags, const struct child_work *work) {
    int pair[2];

    signal(SIGCHLD, SIG_DFL);
    child->tty = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return fail_errno("cannot make a socket pair");
    child->pid = (pid_t)syscall(SYS_clone, clone_flags | SIGCHLD, 0, 0, 0, 0);
    /* The kernel's words for a pid namespace whose first process is gone. */
    if (child->pid < 0 && errno == ENOMEM && clone_flags == 0)
        return fail("cannot start a process in the container: it has ended");
    if (child->pid < 0)
        return fail_errno("cannot start a process with namespaces %#lx", clone_flags);
    if (child->pid == 0) {
        close(pair[0]);
        _exit(child_main(pair[1], work));
    }
    close(pair[1]);
    child->sync = pair[0];
    return 0;
}

int launch_ready(struct child *child) {
    char packet[NK_FAIL_MAX_BYTES + 2];

    if (receive(child->sync, packet, sizeof packet) < 0)
        return fail("the shadow ended before it was ready");
    if (packet[0] != READY)
        return fail("%s", packet + 1);
    return 0;
}

static void restore_terminal(struct child *child) {
    if (child->tty >= 0)
        terminal_restore(child->tty, &child->saved);
    child->tty = -1;
}

/* In the background this stops us, as it should: SIGTTOU must not be blocked yet. */
static void make_raw(struct child *child, int tty) {
    sigset_t set;

    sigfillset(&set);
    sigdelset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (tty >= 0 && terminal_make_raw(tty, &child->saved) == 0)
        child->tty = tty;
}

int launch_release(struct child *child, int tty) {
    char packet[2];
    sigset_t set;

    /* Before the child writes: the caller's terminal would change its line ends. */
    make_raw(child, tty);
    /* For launch_wait: neither a child that ends at once nor a new size of its terminal is missed. */
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (send_packet(child->sync, RELEASE, &child->saved, child->tty < 0 ? 0 : sizeof child->saved) < 0 ||
        receive(child->sync, packet, sizeof packet) < 0)
        return fail("the shadow ended before it was released");
    if (child->tty >= 0)
        return 0;
    close(child->sync);
    child->sync = -1;
    return 0;
}

void launch_abort(struct child *child) {
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    restore_terminal(child);
}

static int exit_status(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Returns the child's exit status; <0: the caller died. */
static int wait_loop(pid_t pid) {
    sigset_t set;
    int status;

    sigfillset(&set);
    while (waitpid(pid, &status, WNOHANG) != pid) {
        int signal = sigwaitinfo(&set, NULL);

        if (caller_is_gone())
            return -1;
        if (signals_forwarded(signal))
            kill(pid, signal);
    }
    return exit_status(status);
}

int launch_wait(struct child *child) {
    int status = wait_loop(child->pid);

    if (status < 0) {
        terminal_restore_raw(child->tty, &child->saved);
        return STATUS_HUNG_UP;
    }
    restore_terminal(child);
    return status;
}
