#include "program.h"

#include "base/agent.h"
#include "base/log.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* All that crun and runc ask for. */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* crun and runc. */
#define MAX_PROGRAMS 2

static struct {
    char path[64];
    int fd;
} copies[MAX_PROGRAMS];
static size_t copy_count;

const char *nk_runtime_find(const char *name, char *out, size_t size) {
    static const char *const folders[] = {"/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"};

    if (nk_settings.runtime_path)
        return nk_settings.runtime_path;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(out, size, "%s/%s", folders[i], name);
        if (access(out, X_OK) == 0)
            return out;
    }
    return NULL;
}

/* A sealed copy of the file; <0 with errno. */
static int copy_of(const char *path) {
    cleanup_close int file = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_close int copy = memfd_create(strrchr(path, '/') + 1, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct stat info;
    off_t done = 0;

    if (file < 0 || copy < 0 || fstat(file, &info) < 0)
        return -1;
    while (done < info.st_size) {
        if (sendfile(copy, file, &done, (size_t)(info.st_size - done)) <= 0)
            return -1;
    }
    if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
        return -1;
    return nk_take_fd(&copy);
}

/* The descriptor of the copy; <0: none could be made. */
static int find_copy(const char *path) {
    int fd;

    for (size_t i = 0; i < copy_count; i++) {
        if (strcmp(copies[i].path, path) == 0)
            return copies[i].fd;
    }
    if (copy_count == MAX_PROGRAMS)
        return -1;
    fd = copy_of(path);
    if (fd < 0)
        nk_log(NK_WARN, "copy of %s in memory: %s", path, strerror(errno));
    snprintf(copies[copy_count].path, sizeof copies[0].path, "%s", path);
    copies[copy_count++].fd = fd;
    return fd;
}

const char *nk_runtime_sealed(const char *path, char *out, size_t size) {
    int fd = nk_settings.owns_machine ? find_copy(path) : -1;

    if (fd < 0)
        return path;
    snprintf(out, size, "/proc/self/fd/%d", fd);
    return out;
}
