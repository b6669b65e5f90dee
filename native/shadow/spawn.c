/* nk-shadow spawn: starts a daemon that inherits nothing but what it is given, and dies with its parent. */
#include "commands.h"
#include "descriptors.h"
#include "halt.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_KEPT 16

struct options {
    int kept[MAX_KEPT];
    size_t kept_count;
    pid_t parent;
    char **command;
};

static int usage(const char *problem) {
    fprintf(stderr,
            "nk-shadow spawn: %s\nusage: nk-shadow spawn [--keep FD]... [--parent PID] -- PROGRAM [ARG]...\n",
            problem);
    return 125;
}

static int parse_int(const char *text, int *value) {
    char *end;
    long number = text ? strtol(text, &end, 10) : -1;

    if (number < 0 || number > 0x7fffffff || end == text || *end)
        return -1;
    *value = (int)number;
    return 0;
}

static const char *parse(struct options *options, int argc, char **argv) {
    int i = 0;

    for (; i < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--keep") == 0) {
            if (options->kept_count == MAX_KEPT ||
                parse_int(argv[i + 1], &options->kept[options->kept_count++]) < 0)
                return "--keep needs a descriptor, at most 16 times";
        } else if (strcmp(argv[i], "--parent") == 0) {
            if (parse_int(argv[i + 1], &options->parent) < 0)
                return "--parent needs a pid";
        } else {
            return "unknown option";
        }
    }
    if (i + 1 >= argc)
        return "no program given";
    options->command = argv + i + 1;
    return NULL;
}

int spawn_command(int argc, char **argv) {
    struct options options = {.parent = getppid()};
    const char *problem = parse(&options, argc, argv);

    if (problem)
        return usage(problem);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* A parent that died before the line above sends no signal any more. */
    if (getppid() != options.parent)
        return 125;
    setsid();
    descriptors_close_except(3, options.kept, options.kept_count);
    for (size_t i = 0; i < options.kept_count; i++)
        fcntl(options.kept[i], F_SETFD, 0);
    signals_reset();
    halt_at("daemon: before its program");
    execvp(options.command[0], options.command);
    fprintf(stderr, "nk-shadow spawn: cannot run %s: %s\n", options.command[0], strerror(errno));
    return errno == ENOENT ? 127 : 126;
}
