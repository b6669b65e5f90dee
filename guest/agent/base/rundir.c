#include "rundir.h"

#include "agent.h"
#include "bigint.h"
#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static unsigned number;

int nk_make_folders(const char *path) {
    char part[PATH_MAX];

    if (strlen(path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(part, path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return -1;
        *at = '/';
    }
    return mkdir(part, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

int nk_rundir_make(struct nk_error *e) {
    static const char *const subs[] = {"bundles", "console", "log", "sockets", "tmp"};
    char path[PATH_MAX];

    if (nk_make_folders(nk_settings.run_dir) < 0)
        return nk_fail_errno(e, "mkdir %s", nk_settings.run_dir);
    for (size_t i = 0; i < sizeof subs / sizeof subs[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", nk_settings.run_dir, subs[i]);
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return nk_fail_errno(e, "mkdir %s", path);
    }
    return 0;
}

int nk_rundir_path(char *out, size_t size, const char *sub, const char *name, struct nk_error *e) {
    int n = snprintf(out, size, "%s/%s/%s", nk_settings.run_dir, sub, name);

    if (n < 0 || (size_t)n >= size)
        return nk_fail(e, NK_SYSTEM, "%s/%s: the path is too long", nk_settings.run_dir, sub);
    return 0;
}

int nk_rundir_file(char *out, size_t size, const char *sub, const char *suffix, struct nk_error *e) {
    char name[64];

    snprintf(name, sizeof name, "%u%s", ++number, suffix);
    return nk_rundir_path(out, size, sub, name, e);
}

int nk_write_json(const char *path, const json_t *value, struct nk_error *e) {
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    cleanup_free char *text = nk_json_dump(value);

    if (fd < 0 || !text || nk_write_all(fd, text, strlen(text)) < 0)
        return nk_fail_errno(e, "write %s", path);
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info;
    (void)type;
    (void)at;
    remove(path);
    return 0;
}

void nk_remove_tree(const char *path) {
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
