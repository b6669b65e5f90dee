#include "cgroup.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

void nk_cgroup_enable_controllers(const char *root) {
    char names[512];
    char path[PATH_MAX];
    char *rest = names;
    char *name;

    snprintf(path, sizeof path, "%s/cgroup.controllers", root);
    if (nk_read_file(AT_FDCWD, path, names, sizeof names) < 0)
        return;
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", root);
    /* One at a time: a controller that refuses does not keep the others back. */
    while ((name = strsep(&rest, " \n"))) {
        char word[64];
        if (!*name)
            continue;
        snprintf(word, sizeof word, "+%s", name);
        nk_write_file(AT_FDCWD, path, word);
    }
}

static int write_group_file(const char *group, const char *file, const char *text) {
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", group, file);
    return nk_write_file(AT_FDCWD, path, text);
}

int nk_cgroup_kill(const char *path) {
    return write_group_file(path, "cgroup.kill", "1");
}

int nk_cgroup_freeze(const char *path, bool frozen) {
    return write_group_file(path, "cgroup.freeze", frozen ? "1" : "0");
}

static long long find_value(const char *text, const char *key) {
    size_t n = strlen(key);

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) == 0 && line[n] == ' ')
            return strtoll(line + n + 1, NULL, 10);
    }
    return -1;
}

long long nk_cgroup_value(const char *group, const char *file, const char *key) {
    char path[PATH_MAX];
    char text[8192];

    snprintf(path, sizeof path, "%s/%s", group, file);
    if (nk_read_file(AT_FDCWD, path, text, sizeof text) < 0)
        return -1;
    return find_value(text, key);
}

/* Calls visit for each child group; stops at the first <0. */
static int each_child(const char *path, int (*visit)(const char *child, void *data), void *data) {
    cleanup_dir DIR *dir = opendir(path);
    struct dirent *entry;

    if (!dir)
        return errno == ENOENT ? 0 : -1;
    while ((entry = readdir(dir))) {
        char child[PATH_MAX];
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(child, sizeof child, "%s/%s", path, entry->d_name) >= sizeof child)
            return -1;
        if (visit(child, data) < 0)
            return -1;
    }
    return 0;
}

static int remove_child(const char *path, void *data) {
    (void)data;
    return nk_cgroup_remove(path);
}

int nk_cgroup_remove(const char *path) {
    if (rmdir(path) == 0 || errno == ENOENT)
        return 0;
    if (each_child(path, remove_child, NULL) < 0)
        return -1;
    return rmdir(path);
}

struct pid_list {
    pid_t *pids;
    size_t count;
    size_t max;
};

static int add_pids(const char *path, void *data) {
    struct pid_list *list = data;
    cleanup_file FILE *file = NULL;
    char procs[PATH_MAX];
    int pid;

    if ((size_t)snprintf(procs, sizeof procs, "%s/cgroup.procs", path) >= sizeof procs)
        return -1;
    file = fopen(procs, "re");
    while (file && list->count < list->max && fscanf(file, "%d", &pid) == 1)
        list->pids[list->count++] = pid;
    return each_child(path, add_pids, data);
}

size_t nk_cgroup_pids(const char *path, pid_t *out, size_t max) {
    struct pid_list list = {out, 0, max};

    add_pids(path, &list);
    return list.count;
}

static void check_watch(struct nk_source *source, uint32_t events) {
    struct nk_cgroup_watch *watch = (struct nk_cgroup_watch *)source;
    char text[256];
    ssize_t n = pread(source->fd, text, sizeof text - 1, 0);

    (void)events;
    text[n < 0 ? 0 : n] = '\0';
    /* A group that is gone never changes again. */
    if (n >= 0 && find_value(text, watch->key) != watch->value)
        return;
    nk_loop_close(source);
    watch->reached(watch);
}

int nk_cgroup_watch_start(struct nk_cgroup_watch *watch, const char *group, const char *key,
                          long long value) {
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/cgroup.events", group);
    snprintf(watch->key, sizeof watch->key, "%s", key);
    watch->value = value;
    watch->source.ready = check_watch;
    watch->source.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (watch->source.fd < 0)
        return -1;
    if (nk_loop_add(&watch->source, EPOLLPRI) < 0) {
        close(watch->source.fd);
        return -1;
    }
    check_watch(&watch->source, 0);
    return 0;
}
