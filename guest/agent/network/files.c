/* /run/nk/etc: for containers whose bundle does not bring such files. */
#include "parts.h"

#include "base/agent.h"
#include "base/rundir.h"
#include "common/cleanup.h"
#include "common/io.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

static bool has_text(int fd, const char *text) {
    cleanup_free char *found = malloc(NK_MAX_FILE_BYTES + 1);
    size_t n = strlen(text);

    /* One byte more than expected would be seen. */
    return found && nk_read_full(fd, found, NK_MAX_FILE_BYTES + 1) == (ssize_t)n &&
           memcmp(found, text, n) == 0;
}

/* In place: a container has the file itself mounted. */
static int write_file(struct nk_netlink *n, const char *folder, const char *name, const char *text,
                      struct nk_error *e) {
    char path[PATH_MAX];
    cleanup_close int fd = -1;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return nk_fail_errno(e, "open %s", path);
    if (has_text(fd, text))
        return 0;
    n->changed++;
    if (lseek(fd, 0, SEEK_SET) < 0 || nk_write_all(fd, text, strlen(text)) < 0 ||
        ftruncate(fd, (off_t)strlen(text)) < 0)
        return nk_fail_errno(e, "write %s", path);
    return 0;
}

int nk_network_files_apply(struct nk_netlink *n, const struct nk_network *network, struct nk_error *e) {
    char folder[PATH_MAX / 2];

    if (!network->hosts && !network->resolv_conf)
        return 0;
    snprintf(folder, sizeof folder, "%s/etc", nk_settings.run_dir);
    if (nk_make_folders(folder) < 0)
        return nk_fail_errno(e, "mkdir %s", folder);
    if (network->hosts && write_file(n, folder, "hosts", network->hosts, e) < 0)
        return -1;
    return network->resolv_conf ? write_file(n, folder, "resolv.conf", network->resolv_conf, e) : 0;
}
