/* mount, unmount: file systems below the run folder. */
#include "base/agent.h"
#include "base/log.h"
#include "base/rundir.h"
#include "base/text.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "machine/disk-wait.h"
#include "machine/modules.h"
#include "machine/proof.h"
#include "mounts.h"
#include "operations.h"
#include "wire/vsock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Names of virtio disks. */
#define DISKS "/dev/vd"

static char *targets[NK_MAX_MOUNTS];
static size_t count;

static unsigned long mount_flags(const json_t *names) {
    static const struct {
        const char *name;
        unsigned long flag;
    } flags[] = {{"ro", MS_RDONLY}, {"nosuid", MS_NOSUID}, {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC}};
    unsigned long all = 0;
    size_t i;
    json_t *name;

    json_array_foreach(names, i, name) {
        for (size_t k = 0; k < sizeof flags / sizeof flags[0]; k++) {
            if (strcmp(json_string_value(name), flags[k].name) == 0)
                all |= flags[k].flag;
        }
    }
    return all;
}

/* The flags of a bind mount are those of its source until it is mounted again with its own. */
static int bind_mount(const char *source, const char *target, unsigned long flags) {
    int saved;

    if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
        return -1;
    if (flags == 0 || mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) == 0)
        return 0;
    saved = errno;
    umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH);
    errno = saved;
    return -1;
}

/* A kernel with modules may have no such file system before it has loaded one. */
static int mount_any(const char *source, const char *target, const char *fstype, unsigned long flags,
                     const char *options) {
    int ret;

    if (strcmp(fstype, "bind") == 0)
        return bind_mount(source, target, flags);
    ret = mount(source, target, fstype, flags, options);
    if (ret < 0 && errno == ENODEV && nk_modules_load_later(fstype) == 0)
        ret = mount(source, target, fstype, flags, options);
    return ret;
}

/* 9p over a connection to the host. The kernel's transport takes descriptors by number and keeps what they
 * name. */
static int mount_9p_vsock(uint32_t port, const char *target, unsigned long flags, const char *options) {
    cleanup_close int fd = nk_vsock_connect(port);
    cleanup_free char *all = NULL;

    if (fd < 0)
        return -1;
    nk_modules_load_later("9pnet_fd");
    if (asprintf(&all, "%s%srfdno=%d,wfdno=%d", options, *options ? "," : "", fd, fd) < 0)
        return -1;
    return mount_any("none", target, "9p", flags, all);
}

static const char *text_or(const struct nk_request *request, const char *name, const char *absent) {
    const char *text = nk_request_text(request, name);

    return text ? text : absent;
}

static bool is_disk(const char *source) {
    return strncmp(source, DISKS, sizeof DISKS - 1) == 0;
}

static int do_mount(const struct nk_request *request, struct nk_error *e) {
    const char *target = nk_request_text(request, "target");
    const char *fstype = nk_request_text(request, "fstype");
    const char *source = text_or(request, "source", "none");
    const char *options = text_or(request, "options", "");
    unsigned long flags = mount_flags(json_object_get(request->body, "flags"));
    uint32_t port = (uint32_t)nk_request_int(request, "vsockPort", 0);
    uint64_t start_us = nk_boottime_us();

    if (count >= NK_MAX_MOUNTS)
        return nk_fail(e, NK_LIMIT, "expected at most %d mounts", NK_MAX_MOUNTS);
    if (is_disk(source) && nk_disk_is_stand_in(source))
        return nk_fail(e, NK_SYSTEM, "%.64s: expected an image of a file system, found a disk that is empty",
                       source);
    if (nk_make_folders(target) < 0)
        return nk_fail_errno(e, "mkdir %.256s", target);
    if ((port ? mount_9p_vsock(port, target, flags, options)
              : mount_any(source, target, fstype, flags, options)) < 0)
        return nk_fail_errno(e, "mount %s on %.256s with \"%.256s\", vsock port %u", fstype, target, options,
                             port);
    targets[count] = strdup(target);
    if (!targets[count])
        return nk_fail_errno(e, "mount");
    count++;
    nk_step("mount", start_us, "%s on %s", fstype, target);
    return 0;
}

/* What was mounted last is taken off again. */
static void undo_mount(void) {
    char *target = targets[--count];

    umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH);
    free(target);
}

/* The proof of what is mounted is in it; that of a part of what is there already can be read before. */
static int mount_proven(const struct nk_request *request, const char *proof, char *text, struct nk_error *e) {
    bool inside = nk_is_below(proof, nk_request_text(request, "target"));

    if (!inside && nk_proof_read(proof, text, e) < 0)
        return -1;
    if (do_mount(request, e) < 0)
        return -1;
    if (!inside || nk_proof_read(proof, text, e) == 0)
        return 0;
    undo_mount();
    return -1;
}

static void mount_now(struct nk_request *request) {
    const char *proof = nk_request_text(request, "proof");
    char text[NK_PROOF_BYTES + 1];
    struct nk_error e;

    if ((proof ? mount_proven(request, proof, text, &e) : do_mount(request, &e)) < 0)
        nk_answer_error(request, &e);
    else
        nk_answer(request, proof ? json_pack("{s:s}", "proof", text) : NULL);
}

void nk_op_mount(struct nk_request *request) {
    const char *source = text_or(request, "source", "none");
    struct nk_error e;

    /* A kernel with modules may have no disks before it has loaded one. */
    if (is_disk(source) && access(source, F_OK) < 0)
        nk_modules_load_later("virtio_blk");
    if (!is_disk(source) || !nk_disk_is_stand_in(source)) {
        mount_now(request);
    } else if (nk_disk_wait(source, request, mount_now) < 0) {
        nk_fail_errno(&e, "wait for the disk %s", source);
        nk_answer_error(request, &e);
    }
}

/* A file system that was announced by a server for one below that we mounted (virtiofs, "submounts"). */
static bool is_below_ours(const char *path) {
    for (size_t i = 0; i < count; i++) {
        if (nk_is_below(path, targets[i]))
            return true;
    }
    return false;
}

static int do_unmount(const char *target, struct nk_error *e) {
    size_t i = count;

    while (i > 0 && strcmp(targets[i - 1], target) != 0)
        i--;
    if (i == 0) {
        if (is_below_ours(target) && umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
            return 0;
        return nk_fail(e, NK_NOT_FOUND, "nothing was mounted on \"%.256s\"", target);
    }
    if (umount2(target, UMOUNT_NOFOLLOW) < 0)
        return nk_fail_errno(e, "unmount %.256s", target);
    free(targets[i - 1]);
    memmove(&targets[i - 1], &targets[i], (count - i) * sizeof targets[0]);
    count--;
    return 0;
}

void nk_op_unmount(struct nk_request *request) {
    struct nk_error e;

    if (do_unmount(nk_request_text(request, "target"), &e) < 0)
        nk_answer_error(request, &e);
    else
        nk_answer(request, NULL);
}

void nk_mounts_undo(void) {
    while (count > 0) {
        char *target = targets[--count];
        if (umount2(target, UMOUNT_NOFOLLOW) < 0) {
            nk_log(NK_WARN, "unmount %s: %m; detached", target);
            umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH);
        }
        free(target);
    }
}
