/* What the parts of a copy have in common. Folders are descriptors, names are single components, links are
 * not followed. */
#ifndef NK_SYNC_PARTS_H
#define NK_SYNC_PARTS_H

#include "names.h"
#include "sync.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* A container can nest folders without end, and each level costs descriptors here. */
#define NK_SYNC_MAX_DEPTH 256

struct nk_sync {
    const struct nk_sync_spec *spec;
    struct nk_sync_report *report;
    int target;
    int staging;         /* -1: nothing was written yet */
    char path[PATH_MAX]; /* of what is looked at, for people */
    size_t path_bytes;
    unsigned depth;
    void *links; /* a tree (tsearch(3)) of the files with several names; each is kept in the staging folder */
    int link_count;
    int incomplete_links; /* not all of their names were seen */
};

/* A folder as the container left it, and its counterpart in the target. */
struct nk_sync_pair {
    int from;
    int to;
    uint64_t writes_before; /* of the report, before the folder was made or entered */
};

/* sync.c */

/* Counts a failure of what is looked at; errno says why. */
void nk_sync_problem(struct nk_sync *s, const char *what);

/* Lengthens the path by a name; the result is for nk_sync_leave. */
size_t nk_sync_enter(struct nk_sync *s, const char *name);
void nk_sync_leave(struct nk_sync *s, size_t path_bytes);

/* As nk_names_next, without the staging folder: a container's own of that name is left out. */
const char *nk_sync_next(const struct nk_sync *s, const struct nk_names *names, const char *name);

/* A folder in a folder of the container's root; what is mounted on it is not entered (EXDEV). */
int nk_sync_open_from(int folder, const char *name, int flags);
int nk_sync_open_to(int folder, const char *name);

/* Makes the staging folder, if it is not there. <0: errno */
int nk_sync_need_staging(struct nk_sync *s);

bool nk_sync_is_containers(const struct nk_sync *s, const struct stat *info);
bool nk_sync_is_runtimes(const struct nk_sync *s, const struct stat *info);

/* sync-walk.c: each finds what changed in its own way, in a folder that has a counterpart. */
void nk_sync_walk_upper(struct nk_sync *s, int upper, struct nk_sync_pair pair);
void nk_sync_walk_changed(struct nk_sync *s, struct nk_sync_pair pair);

/* sync-compare.c */

/* Makes the target's folder the same, whatever is in both. */
void nk_sync_compare(struct nk_sync *s, struct nk_sync_pair pair);

/* Deletes from the target's folder what the container's has not. */
void nk_sync_remove_surplus(struct nk_sync *s, struct nk_sync_pair pair);

/* Everything in it, and it, was made by the runtime before the container ran. */
bool nk_sync_is_untouched(struct nk_sync *s, int from);

/* Opens both sides of a folder, and makes the target's when there is more in it than mount points of the
 * runtime. False: not to be entered. *was_there: the target had it. */
bool nk_sync_open_pair(struct nk_sync *s, struct nk_sync_pair above, const char *name,
                       struct nk_sync_pair *pair, bool *was_there);

/* Closes both, and gives the target's its attributes when the container or the copy has changed it. */
void nk_sync_close_pair(struct nk_sync *s, struct nk_sync_pair *pair);

/* sync-entry.c */

/* Copies anything but a folder to the target, in place of what is there. */
void nk_sync_put(struct nk_sync *s, struct nk_sync_pair pair, const char *name, const struct stat *info);

/* Deletes a name from a folder of the target, with all that is below it; nothing when it is not there. */
void nk_sync_remove(struct nk_sync *s, int to, const char *name);

/* Puts a name of the staging folder in the place of whatever has the name in a folder of the target. */
int nk_sync_place(struct nk_sync *s, const char *staged, int to, const char *name);

/* sync-data.c */

/* Content with its holes. <0: errno */
int nk_sync_copy_data(struct nk_sync *s, int from, int to);

/* sync-attributes.c */

/* Owner, mode, extended attributes and times of a file that was just made in the staging folder, as root's
 * and with its permissions. <0: errno. That the target cannot have an extended attribute is counted, and the
 * file is worth more than it. */
int nk_sync_set_attributes(struct nk_sync *s, int from, const char *name, int to, const char *made,
                           const struct stat *info);

/* The same for a folder that is there, as far as they differ. */
void nk_sync_folder_attributes(struct nk_sync *s, struct nk_sync_pair pair);

/* Whether a file in the target is the same as far as attributes tell. */
bool nk_sync_is_same(struct nk_sync_pair pair, const char *name, const struct stat *from,
                     const struct stat *to);

/* sync-links.c */

/* The number of a file with several names, its name seen once more; <0: it has not been copied. */
int nk_sync_find_link(struct nk_sync *s, const struct stat *info);

/* Keeps the file that has the name in the staging folder for the other names. <0: errno */
int nk_sync_keep_link(struct nk_sync *s, const struct stat *info, const char *staged);

/* Gives the file of that number a name in the staging folder. <0: errno */
int nk_sync_stage_link(struct nk_sync *s, int number, const char *staged);

void nk_sync_drop_links(struct nk_sync *s);

/* An overlay shows only the name by which a file was changed. Looks for the others. */
void nk_sync_relink(struct nk_sync *s, struct nk_sync_pair pair);

#endif
