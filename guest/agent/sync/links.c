/* Files with several names. */
#include "common/cleanup.h"
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

struct link {
    dev_t dev;
    ino_t ino;
    nlink_t names;
    nlink_t seen;
    int number;
};

struct link_name {
    char text[16];
};

static struct link_name name_of(int number) {
    struct link_name name;

    snprintf(name.text, sizeof name.text, "l%d", number);
    return name;
}

static int by_file(const void *a, const void *b) {
    const struct link *one = a;
    const struct link *other = b;

    if (one->dev != other->dev)
        return one->dev < other->dev ? -1 : 1;
    return (one->ino > other->ino) - (one->ino < other->ino);
}

static struct link *find(const struct nk_sync *s, const struct stat *info) {
    const struct link key = {.dev = info->st_dev, .ino = info->st_ino};
    void *node = tfind(&key, &s->links, by_file);

    return node ? *(struct link **)node : NULL;
}

int nk_sync_find_link(struct nk_sync *s, const struct stat *info) {
    struct link *link = find(s, info);

    if (!link)
        return -1;
    if (++link->seen == link->names)
        s->incomplete_links--;
    return link->number;
}

int nk_sync_keep_link(struct nk_sync *s, const struct stat *info, const char *staged) {
    struct link *link = malloc(sizeof *link);

    if (!link)
        return -1;
    *link = (struct link){info->st_dev, info->st_ino, info->st_nlink, 1, s->link_count};
    if (linkat(s->staging, staged, s->staging, name_of(link->number).text, 0) < 0 ||
        !tsearch(link, &s->links, by_file)) {
        free(link);
        return -1;
    }
    s->link_count++;
    s->incomplete_links++;
    return 0;
}

int nk_sync_stage_link(struct nk_sync *s, int number, const char *staged) {
    return linkat(s->staging, name_of(number).text, s->staging, staged, 0);
}

void nk_sync_drop_links(struct nk_sync *s) {
    for (int number = 0; number < s->link_count; number++)
        unlinkat(s->staging, name_of(number).text, 0);
    tdestroy(s->links, free);
    s->links = NULL;
}

static void relink_entry(struct nk_sync *s, struct nk_sync_pair pair, const char *name,
                         const struct stat *info) {
    const struct link *link = info->st_nlink > 1 ? find(s, info) : NULL;
    struct stat kept;
    struct stat there;

    if (!link || fstatat(s->staging, name_of(link->number).text, &kept, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (fstatat(pair.to, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == kept.st_ino &&
        there.st_dev == kept.st_dev)
        return;
    nk_sync_put(s, pair, name, info);
}

void nk_sync_relink(struct nk_sync *s, struct nk_sync_pair pair) {
    struct nk_names names;
    struct stat info;

    if (nk_names_read(&names, pair.from) < 0) {
        nk_sync_problem(s, "list the folder");
        return;
    }
    for (const char *name = NULL; s->incomplete_links > 0 && (name = nk_sync_next(s, &names, name));) {
        struct nk_sync_pair below;
        size_t path_bytes = nk_sync_enter(s, name);
        bool was_there;

        s->report->looked++;
        if (fstatat(pair.from, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
            nk_sync_problem(s, "look at it");
        } else if (!S_ISDIR(info.st_mode)) {
            relink_entry(s, pair, name, &info);
        } else if (nk_sync_open_pair(s, pair, name, &below, &was_there)) {
            nk_sync_relink(s, below);
            nk_sync_close_pair(s, &below);
        }
        nk_sync_leave(s, path_bytes);
    }
    nk_names_free(&names);
}
