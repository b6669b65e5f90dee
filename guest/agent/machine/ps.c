#include "ps.h"

#include "base/text.h"
#include "common/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGS_BYTES 4096

static ssize_t read_proc(pid_t pid, const char *name, char *out, size_t size) {
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    return nk_read_file(AT_FDCWD, path, out, size);
}

static long read_uid(pid_t pid) {
    char status[4096];
    const char *line;

    if (read_proc(pid, "status", status, sizeof status) < 0)
        return 0;
    line = strstr(status, "\nUid:");
    /* Real, effective, …: ps shows the effective one. */
    return line ? strtol(strchr(line + 5, '\t') + 1, NULL, 10) : 0;
}

static json_t *read_args(pid_t pid, size_t *bytes) {
    char args[MAX_ARGS_BYTES];
    ssize_t n = read_proc(pid, "cmdline", args, sizeof args);

    if (n < 0)
        n = 0;
    while (n > 0 && args[n - 1] == '\0')
        n--;
    for (ssize_t i = 0; i < n; i++) {
        if (args[i] == '\0')
            args[i] = ' ';
    }
    *bytes += (size_t)n + 128;
    return nk_json_text(args, (size_t)n);
}

json_t *nk_ps_read(pid_t pid, size_t *bytes) {
    char stat[1024];
    char *comm;
    char *rest;
    char state[2] = "";
    int ppid;
    unsigned long utime, stime;
    long rss_pages;

    if (read_proc(pid, "stat", stat, sizeof stat) < 0)
        return NULL;
    /* The name may hold anything, a parenthesis too: it ends at the last one. */
    comm = strchr(stat, '(');
    rest = strrchr(stat, ')');
    if (!comm || !rest)
        return NULL;
    comm++;
    *rest = '\0';
    if (sscanf(rest + 1,
               " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
               state, &ppid, &utime, &stime, &rss_pages) != 5)
        return NULL;
    return json_pack("{s:i, s:i, s:I, s:o, s:o, s:s, s:I, s:I}", "pid", (int)pid, "ppid", ppid, "uid",
                     (json_int_t)read_uid(pid), "comm", nk_json_text(comm, strlen(comm)), "args",
                     read_args(pid, bytes), "state", state, "timeMs",
                     (json_int_t)((utime + stime) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK)), "rssKib",
                     (json_int_t)(rss_pages * (sysconf(_SC_PAGESIZE) / 1024)));
}
