#include "foreign-descriptors.h"

#include "cleanup.h"
#include "fail.h"
#include "syscalls.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>

int foreign_descriptors(pid_t pid, foreign_descriptor_visit *visit) {
    cleanup_close int pidfd = nk_pidfd_open(pid);
    cleanup_dir DIR *dir = NULL;
    struct dirent *entry;
    char path[64];
    int count = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    dir = pidfd < 0 ? NULL : opendir(path);
    if (!dir)
        return fail_errno("cannot look at the descriptors of process %d", (int)pid);
    while ((entry = readdir(dir))) {
        int one = isdigit((unsigned char)entry->d_name[0]) ? visit(pidfd, dirfd(dir), entry->d_name) : 0;

        if (one < 0)
            return -1;
        count += one;
    }
    return count;
}
