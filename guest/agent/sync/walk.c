/* What a container changed: as the upper side of an overlay tells, or the times of last change. */
#include "common/cleanup.h"
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* Kernel: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories". */
static bool is_whiteout(const struct stat *info) {
    return S_ISCHR(info->st_mode) && info->st_rdev == makedev(0, 0);
}

/* Nothing of what the lower side has under this name shows through, or it has another name there. */
static bool hides_lower(int upper) {
    return fgetxattr(upper, "trusted.overlay.opaque", NULL, 0) > 0 ||
           fgetxattr(upper, "trusted.overlay.redirect", NULL, 0) > 0;
}

static void upper_folder(struct nk_sync *s, int above, struct nk_sync_pair pair, const char *name) {
    cleanup_close int upper = nk_sync_open_from(above, name, O_RDONLY | O_DIRECTORY);
    struct nk_sync_pair below;
    bool was_there;

    if (upper < 0) {
        nk_sync_problem(s, "open");
        return;
    }
    if (!nk_sync_open_pair(s, pair, name, &below, &was_there))
        return;
    if (!was_there || hides_lower(upper))
        nk_sync_compare(s, below);
    else
        nk_sync_walk_upper(s, upper, below);
    nk_sync_close_pair(s, &below);
}

static void upper_entry(struct nk_sync *s, int upper, struct nk_sync_pair pair, const char *name) {
    struct stat info;

    s->report->looked++;
    if (fstatat(upper, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        nk_sync_problem(s, "look at it");
    else if (is_whiteout(&info))
        nk_sync_remove(s, pair.to, name);
    else if (S_ISDIR(info.st_mode))
        upper_folder(s, upper, pair, name);
    else if (nk_sync_is_runtimes(s, &info))
        return;
    else if (fstatat(pair.from, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        nk_sync_problem(s, "look at it");
    else
        nk_sync_put(s, pair, name, &info);
}

void nk_sync_walk_upper(struct nk_sync *s, int upper, struct nk_sync_pair pair) {
    struct nk_names names;

    if (nk_names_read(&names, upper) < 0) {
        nk_sync_problem(s, "list the folder");
        return;
    }
    for (const char *name = NULL; (name = nk_sync_next(s, &names, name));) {
        size_t path_bytes = nk_sync_enter(s, name);
        upper_entry(s, upper, pair, name);
        nk_sync_leave(s, path_bytes);
    }
    nk_names_free(&names);
}

/* What a folder has below it keeps its times when it is moved: once moved, or changed in another way, it must
 * be compared. */
static void changed_folder(struct nk_sync *s, struct nk_sync_pair pair, const char *name, bool changed) {
    struct nk_sync_pair below;
    bool was_there;

    if (!nk_sync_open_pair(s, pair, name, &below, &was_there))
        return;
    if (changed || !was_there)
        nk_sync_compare(s, below);
    else
        nk_sync_walk_changed(s, below);
    nk_sync_close_pair(s, &below);
}

static void changed_entry(struct nk_sync *s, struct nk_sync_pair pair, const char *name) {
    struct stat info;

    s->report->looked++;
    if (fstatat(pair.from, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        nk_sync_problem(s, "look at it");
    else if (S_ISDIR(info.st_mode))
        changed_folder(s, pair, name, nk_sync_is_containers(s, &info));
    else if (nk_sync_is_containers(s, &info))
        nk_sync_put(s, pair, name, &info);
}

void nk_sync_walk_changed(struct nk_sync *s, struct nk_sync_pair pair) {
    struct nk_names names;

    if (nk_names_read(&names, pair.from) < 0) {
        nk_sync_problem(s, "list the folder");
        return;
    }
    for (const char *name = NULL; (name = nk_sync_next(s, &names, name));) {
        size_t path_bytes = nk_sync_enter(s, name);
        changed_entry(s, pair, name);
        nk_sync_leave(s, path_bytes);
    }
    nk_names_free(&names);
}
