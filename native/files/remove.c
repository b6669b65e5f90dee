/*
 * nk-shadow remove FOLDER NAME: removes NAME in FOLDER and all below it, though whoever made it may still
 * write to it. Each folder is opened by the descriptor of the one above, no link is followed and no mount
 * entered: a folder that somebody exchanges for a link while this runs costs the link, not what it names.
 * What is nested deeper than descriptors allow is moved up to NAME first, so no depth is too much, and no
 * path too long.
 */
#include "commands.h"
#include "common/halt.h"
#include "common/syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RESOLVE_INSIDE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

/* Each level holds a descriptor and a buffer of 32 KiB. */
#define MAX_DEPTH 64

/* How often a folder is emptied that is not empty afterwards: somebody still writes to it, or the file system
 * leaves names out of a list that is being removed. NAME itself gets one more for each time that folders were
 * moved up to it. */
#define MAX_PASSES 20
#define MAX_TOP_PASSES 100000

#define NK_RENAME_NOREPLACE 1u

struct removal {
    int top;
    unsigned long moved;
    /* What was met first. */
    int reason;
    char failed[NAME_MAX + 1];
};

static int remove_folder(struct removal *removal, int parent, const char *name, unsigned depth);

static int fail(struct removal *removal, const char *name) {
    if (removal->reason == 0) {
        removal->reason = errno;
        snprintf(removal->failed, sizeof removal->failed, "%s", name);
    }
    return -1;
}

/* Under a name that nobody has. The folder may have become something else meanwhile: then that is moved, and
 * removed there. */
static int move_up(struct removal *removal, int parent, const char *name) {
    char fresh[40];

    do {
        snprintf(fresh, sizeof fresh, ".nk-remove-%lu", removal->moved++);
        if (syscall(SYS_renameat2, parent, name, removal->top, fresh, NK_RENAME_NOREPLACE) == 0)
            return 0;
    } while (errno == EEXIST);
    return errno == ENOENT ? 0 : -1;
}

/* Returns 0 also when it is another kind of file by now: the next pass sees that. */
static int remove_entry(struct removal *removal, int parent, const struct dirent *entry, unsigned depth) {
    const char *name = entry->d_name;

    if (entry->d_type != DT_DIR) {
        if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
            return 0;
        if (errno != EISDIR)
            return fail(removal, name);
    }
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTDIR)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return fail(removal, name);
    if (depth < MAX_DEPTH)
        return remove_folder(removal, parent, name, depth + 1);
    return move_up(removal, parent, name) < 0 ? fail(removal, name) : 0;
}

static int is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int empty_folder(struct removal *removal, int folder, unsigned depth) {
    const struct dirent *entry;
    DIR *list = fdopendir(folder);
    int result = 0;

    if (!list) {
        close(folder);
        return -1;
    }
    while (result == 0 && (errno = 0, entry = readdir(list)))
        if (!is_dots(entry->d_name))
            result = remove_entry(removal, folder, entry, depth);
    if (result == 0 && errno != 0)
        result = -1;
    closedir(list);
    return result;
}

static int remove_folder(struct removal *removal, int parent, const char *name, unsigned depth) {
    for (int pass = 0; pass < MAX_PASSES; pass++) {
        int folder;

        halt_at("open a folder to remove");
        folder = nk_openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_INSIDE);
        if (folder < 0)
            return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : fail(removal, name);
        halt_at("empty a folder to remove");
        if (empty_folder(removal, folder, depth) < 0)
            return fail(removal, name);
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTDIR)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return fail(removal, name);
    }
    return fail(removal, name);
}

/* A folder that gets others moved up to it has to be looked at again, however often. */
static int remove_top(struct removal *removal, int parent, const char *name) {
    unsigned long moved_before = 0;

    for (unsigned pass = 0, idle = 0; pass < MAX_TOP_PASSES && idle < MAX_PASSES; pass++) {
        const int folder = nk_openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_INSIDE);

        if (folder < 0)
            return fail(removal, name);
        removal->top = folder;
        if (empty_folder(removal, folder, 1) < 0)
            return fail(removal, name);
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return fail(removal, name);
        idle = removal->moved == moved_before ? idle + 1 : 0;
        moved_before = removal->moved;
    }
    return fail(removal, name);
}

static int refused(const char *name, int reason) {
    fprintf(stderr, "%s: %s\n", name, strerror(reason));
    return 1;
}

int remove_command(const char *folder, const char *name) {
    const int parent = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct removal removal = {0};

    if (parent < 0)
        return errno == ENOENT ? 0 : refused(folder, errno);
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return refused(name, errno);
    return remove_top(&removal, parent, name) < 0 ? refused(removal.failed, removal.reason) : 0;
}
