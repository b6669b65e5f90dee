#include "supervise.h"

#include "common/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void end_child(int signal) {
    (void)signal;
    kill(child, SIGKILL);
}

/* A parent that died before the death signal was set is noticed as the end of `alive`. */
static int die_with_parent(int alive) {
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return read(alive, &byte, 1) == 0 ? -1 : 0;
}

int supervised_again(int alive) {
    int ret = die_with_parent(alive);

    close(alive);
    return ret < 0 ? fail("whoever started it has ended") : 0;
}

static int child_main(const char *command, int alive, int (*become)(void *, int), void *context) {
    if (die_with_parent(alive) < 0)
        return 1;
    become(context, alive);
    fprintf(stderr, "nk-shadow %s: %s\n", command, fail_text());
    return 1;
}

/* The core of the one that counts is written by now. */
static int end_by(int signal_number) {
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
    return 128 + signal_number;
}

void supervise_tell(int status_fd, int status) {
    if (status_fd >= 0)
        dprintf(status_fd, "%d\n", status);
}

int supervise(const char *command, int status_fd, int (*become)(void *, int), void *context) {
    int alive[2];
    int status;

    signal(SIGCHLD, SIG_DFL);
    if (pipe2(alive, O_CLOEXEC | O_NONBLOCK) < 0 || unshare(CLONE_NEWPID) < 0)
        return fail_errno("cannot make a pid namespace");
    child = fork();
    if (child == 0) {
        close(alive[1]);
        _exit(child_main(command, alive[0], become, context));
    }
    if (child < 0)
        return fail_errno("cannot start a process");
    signal(SIGTERM, end_child);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    supervise_tell(status_fd, status);
    return WIFSIGNALED(status) ? end_by(WTERMSIG(status)) : WEXITSTATUS(status);
}
