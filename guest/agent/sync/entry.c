/* Putting files into the target, and deleting them: a name has the old file or the new one, whenever the copy
 * is cut off. */
#include "common/cleanup.h"
#include "names.h"
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* Names in the staging folder: of what is made, and of what gives way. */
#define MADE "made"
#define OLD "old"

/* What unlink(2) says of a folder: Linux, and POSIX. */
static bool says_folder(int error) {
    return error == EISDIR || error == EPERM;
}

static int remove_tree(struct nk_sync *s, int above, const char *name);

static int remove_content(struct nk_sync *s, int folder) {
    struct nk_names names;
    int ret = 0;

    if (nk_names_read(&names, folder) < 0)
        return -1;
    for (const char *name = NULL; ret == 0 && (name = nk_names_next(&names, name));)
        ret = remove_tree(s, folder, name);
    nk_names_free(&names);
    return ret;
}

static int remove_tree(struct nk_sync *s, int above, const char *name) {
    cleanup_close int folder = -1;
    int ret;

    s->report->looked++;
    if (unlinkat(above, name, 0) == 0)
        return 0;
    if (!says_folder(errno))
        return -1;
    if (s->depth >= NK_SYNC_MAX_DEPTH) {
        errno = ELOOP;
        return -1;
    }
    folder = nk_sync_open_to(above, name);
    if (folder < 0)
        return -1;
    s->depth++;
    ret = remove_content(s, folder);
    s->depth--;
    return ret < 0 ? -1 : unlinkat(above, name, AT_REMOVEDIR);
}

void nk_sync_remove(struct nk_sync *s, int to, const char *name) {
    bool aside;

    if (unlinkat(to, name, 0) == 0) {
        s->report->deleted++;
        return;
    }
    if (errno == ENOENT)
        return;
    /* A folder is gone at once, not file by file. */
    aside = says_folder(errno) && nk_sync_need_staging(s) == 0 && renameat(to, name, s->staging, OLD) == 0;
    if (remove_tree(s, aside ? s->staging : to, aside ? OLD : name) < 0)
        nk_sync_problem(s, "delete it");
    else
        s->report->deleted++;
}

int nk_sync_place(struct nk_sync *s, const char *staged, int to, const char *name) {
    int saved;

    if (renameat(s->staging, staged, to, name) == 0)
        return 0;
    if (errno != EISDIR && errno != EEXIST && errno != ENOTEMPTY)
        return -1;
    if (renameat(to, name, s->staging, OLD) < 0)
        return -1;
    if (renameat(s->staging, staged, to, name) == 0)
        return remove_tree(s, s->staging, OLD);
    saved = errno;
    renameat(s->staging, OLD, to, name);
    errno = saved;
    return -1;
}

static int make_file(struct nk_sync *s, int from, const char *name, mode_t permissions) {
    /* Not a fifo or device that got the name meanwhile. */
    cleanup_close int in = nk_sync_open_from(from, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    int out = -1;
    int ret = -1;

    if (in >= 0)
        out = openat(s->staging, MADE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, permissions);
    if (out < 0)
        return -1;
    ret = nk_sync_copy_data(s, in, out);
    /* Some file systems say only now that there was no room. */
    return close(out) < 0 ? -1 : ret;
}

static int make_link(struct nk_sync *s, int from, const char *name) {
    char target[PATH_MAX + 1];
    ssize_t n = readlinkat(from, name, target, sizeof target - 1);

    if (n < 0)
        return -1;
    target[n] = '\0';
    return symlinkat(target, s->staging, MADE);
}

static int make(struct nk_sync *s, int from, const char *name, const struct stat *info) {
    mode_t permissions = info->st_mode & 0777;

    if (S_ISREG(info->st_mode))
        return make_file(s, from, name, permissions);
    if (S_ISLNK(info->st_mode))
        return make_link(s, from, name);
    return mknodat(s->staging, MADE, (info->st_mode & S_IFMT) | permissions, info->st_rdev);
}

static int make_whole(struct nk_sync *s, struct nk_sync_pair pair, const char *name,
                      const struct stat *info) {
    if (make(s, pair.from, name, info) < 0 ||
        nk_sync_set_attributes(s, pair.from, name, s->staging, MADE, info) < 0)
        return -1;
    return info->st_nlink > 1 ? nk_sync_keep_link(s, info, MADE) : 0;
}

void nk_sync_put(struct nk_sync *s, struct nk_sync_pair pair, const char *name, const struct stat *info) {
    int number;
    int ret;

    /* A socket is nothing without the process that listens. */
    if (S_ISSOCK(info->st_mode))
        return;
    if (nk_sync_need_staging(s) < 0) {
        nk_sync_problem(s, "make the folder " NK_SYNC_STAGING);
        return;
    }
    number = info->st_nlink > 1 ? nk_sync_find_link(s, info) : -1;
    ret = number < 0 ? make_whole(s, pair, name, info) : nk_sync_stage_link(s, number, MADE);
    if (ret == 0)
        ret = nk_sync_place(s, MADE, pair.to, name);
    if (ret == 0)
        s->report->files++;
    else
        nk_sync_problem(s, "copy it");
    /* It is still there after a failure, and after a rename to another name of the same file. */
    if (ret < 0 || number >= 0)
        unlinkat(s->staging, MADE, 0);
}
