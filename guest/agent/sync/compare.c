/* Making a folder of the target the same, when nothing tells what changed in it. */
#include "common/cleanup.h"
#include "parts.h"

#include <errno.h>
#include <fcntl.h>

bool nk_sync_is_untouched(struct nk_sync *s, int from) {
    struct nk_names names;
    struct stat info;
    bool untouched;

    if (fstat(from, &info) < 0 || !nk_sync_is_runtimes(s, &info) || nk_names_read(&names, from) < 0)
        return false;
    untouched = s->depth < NK_SYNC_MAX_DEPTH;
    s->depth++;
    for (const char *name = NULL; untouched && (name = nk_sync_next(s, &names, name));) {
        if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
            untouched = false;
        } else if (S_ISDIR(info.st_mode)) {
            cleanup_close int below = nk_sync_open_from(from, name, O_RDONLY | O_DIRECTORY);
            untouched = below >= 0 && nk_sync_is_untouched(s, below);
        } else {
            untouched = nk_sync_is_runtimes(s, &info);
        }
    }
    s->depth--;
    nk_names_free(&names);
    return untouched;
}

/* Whatever else has the name goes: what is below a folder is copied into it later. */
static int make_folder(struct nk_sync *s, int to, const char *name) {
    if (mkdirat(to, name, 0700) < 0) {
        if (errno != EEXIST)
            return -1;
        nk_sync_remove(s, to, name);
        if (mkdirat(to, name, 0700) < 0)
            return -1;
    }
    s->report->files++;
    return nk_sync_open_to(to, name);
}

static uint64_t writes(const struct nk_sync *s) {
    return s->report->files + s->report->deleted;
}

bool nk_sync_open_pair(struct nk_sync *s, struct nk_sync_pair above, const char *name,
                       struct nk_sync_pair *pair, bool *was_there) {
    cleanup_close int from = -1;

    if (s->depth >= NK_SYNC_MAX_DEPTH) {
        errno = ELOOP;
        nk_sync_problem(s, "enter more folders in one another");
        return false;
    }
    from = nk_sync_open_from(above.from, name, O_RDONLY | O_DIRECTORY);
    if (from < 0) {
        if (errno != EXDEV)
            nk_sync_problem(s, "open");
        return false;
    }
    pair->writes_before = writes(s);
    pair->to = nk_sync_open_to(above.to, name);
    *was_there = pair->to >= 0;
    if (!*was_there) {
        if (nk_sync_is_untouched(s, from))
            return false;
        pair->to = make_folder(s, above.to, name);
    }
    if (pair->to < 0) {
        nk_sync_problem(s, "make the folder");
        return false;
    }
    pair->from = nk_take_fd(&from);
    s->depth++;
    return true;
}

void nk_sync_close_pair(struct nk_sync *s, struct nk_sync_pair *pair) {
    struct stat info;

    s->depth--;
    if (writes(s) > pair->writes_before || (fstat(pair->from, &info) == 0 && nk_sync_is_containers(s, &info)))
        nk_sync_folder_attributes(s, *pair);
    close(pair->from);
    close(pair->to);
}

void nk_sync_remove_surplus(struct nk_sync *s, struct nk_sync_pair pair) {
    struct nk_names names;
    struct stat info;

    if (nk_names_read(&names, pair.to) < 0) {
        nk_sync_problem(s, "list the target's folder");
        return;
    }
    for (const char *name = NULL; (name = nk_sync_next(s, &names, name));) {
        size_t path_bytes;

        if (fstatat(pair.from, name, &info, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
            continue;
        path_bytes = nk_sync_enter(s, name);
        nk_sync_remove(s, pair.to, name);
        nk_sync_leave(s, path_bytes);
    }
    nk_names_free(&names);
}

static void compare_folder(struct nk_sync *s, struct nk_sync_pair pair, const char *name) {
    struct nk_sync_pair below;
    bool was_there;

    if (!nk_sync_open_pair(s, pair, name, &below, &was_there))
        return;
    nk_sync_compare(s, below);
    nk_sync_close_pair(s, &below);
}

static void compare_entry(struct nk_sync *s, struct nk_sync_pair pair, const char *name) {
    struct stat info;
    struct stat there;

    s->report->looked++;
    if (fstatat(pair.from, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        nk_sync_problem(s, "look at it");
    } else if (S_ISDIR(info.st_mode)) {
        compare_folder(s, pair, name);
    } else if (fstatat(pair.to, name, &there, AT_SYMLINK_NOFOLLOW) < 0) {
        if (!nk_sync_is_runtimes(s, &info))
            nk_sync_put(s, pair, name, &info);
    } else if (nk_sync_is_containers(s, &info) || !nk_sync_is_same(pair, name, &info, &there)) {
        nk_sync_put(s, pair, name, &info);
    }
}

void nk_sync_compare(struct nk_sync *s, struct nk_sync_pair pair) {
    struct nk_names names;

    nk_sync_remove_surplus(s, pair);
    if (nk_names_read(&names, pair.from) < 0) {
        nk_sync_problem(s, "list the folder");
        return;
    }
    for (const char *name = NULL; (name = nk_sync_next(s, &names, name));) {
        size_t path_bytes = nk_sync_enter(s, name);
        compare_entry(s, pair, name);
        nk_sync_leave(s, path_bytes);
    }
    nk_names_free(&names);
}
