#include "userns.h"

#include "cleanup.h"
#include "fail.h"
#include "io.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The program, the process, and the ranges: the kernel takes 340 of three numbers, an ordinary user has one
 * or two. */
#define MAX_WORDS 64

/* Of newuidmap, where it cannot be run. */
#define STATUS_MISSING 127

/* Runs in a child that stays outside: only there is the program's right worth something. */
static void become_mapper(const char *program, pid_t pid, char *map) {
    char *argv[MAX_WORDS + 1] = {(char *)program};
    char number[16];
    size_t count = 2;

    snprintf(number, sizeof number, "%d", (int)pid);
    argv[1] = number;
    for (char *word = strtok(map, " "); word && count < MAX_WORDS; word = strtok(NULL, " "))
        argv[count++] = word;
    execvp(program, argv);
    _exit(STATUS_MISSING);
}

static int run_mapper(const char *program, pid_t pid, char *map) {
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        become_mapper(program, pid, map);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In the helper. Returns what is wrong, as its exit status. */
static int map_from_outside(pid_t pid, int unshared) {
    char byte;

    if (nk_read_full(unshared, &byte, 1) != 1)
        return 1;
    if (run_mapper("newuidmap", pid, getenv(USERNS_UIDS)) != 0)
        return 2;
    return run_mapper("newgidmap", pid, getenv(USERNS_GIDS)) != 0 ? 3 : 0;
}

static int await_mapper(pid_t helper) {
    int status;

    while (waitpid(helper, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return fail("%s has failed: are /etc/subuid and /etc/subgid as it wants them, and the package uidmap "
                "installed?",
                WIFEXITED(status) && WEXITSTATUS(status) == 3 ? "newgidmap" : "newuidmap");
}

static int unshare_user(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
        return 0;
    return fail_errno("cannot make a user namespace (user.max_user_namespaces, "
                      "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)");
}

static int unshare_with_ranges(void) {
    const pid_t pid = getpid();
    int unshared[2];
    pid_t helper;

    if (pipe2(unshared, O_CLOEXEC) < 0)
        return fail_errno("cannot make a pipe");
    helper = fork();
    if (helper == 0) {
        close(unshared[1]);
        _exit(map_from_outside(pid, unshared[0]));
    }
    close(unshared[0]);
    if (helper < 0 || unshare_user() < 0 || nk_write_all(unshared[1], "", 1) < 0) {
        close(unshared[1]);
        return -1;
    }
    close(unshared[1]);
    return await_mapper(helper);
}

static int write_map(const char *path, unsigned id) {
    char line[32];

    snprintf(line, sizeof line, "0 %u 1\n", id);
    return nk_write_file(AT_FDCWD, path, line) < 0 ? fail_errno("%s", path) : 0;
}

static int unshare_alone(void) {
    const unsigned uid = geteuid(), gid = getegid();

    if (unshare_user() < 0)
        return -1;
    /* Who has no range of groups may not give up groups that forbid something. */
    if (nk_write_file(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
        return fail_errno("/proc/self/setgroups");
    return write_map("/proc/self/uid_map", uid) < 0 ? -1 : write_map("/proc/self/gid_map", gid);
}

int userns_make(void) {
    if (geteuid() == 0)
        return 0;
    return getenv(USERNS_UIDS) && getenv(USERNS_GIDS) ? unshare_with_ranges() : unshare_alone();
}

int userns_join(pid_t pid) {
    cleanup_close int process = -1;

    if (geteuid() == 0)
        return 0;
    process = nk_pidfd_open(pid);
    if (process < 0 || setns(process, CLONE_NEWUSER) < 0)
        return fail_errno("cannot join the user namespace of the process %d", (int)pid);
    return 0;
}
