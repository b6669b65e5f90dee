#include "proc.h"

#include "cleanup.h"
#include "fail.h"
#include "syscalls.h"

int proc_take(uint64_t attributes) {
    struct nk_mount_attr attr = {
        .attr_set = NK_ATTR_NOSUID | NK_ATTR_NODEV | NK_ATTR_NOEXEC | attributes,
    };
    cleanup_close int proc = nk_new_mount("proc");

    if (proc < 0 || nk_mount_setattr(proc, 0, &attr) < 0)
        return fail_errno("cannot make a /proc (it needs one that nothing is mounted in)");
    return nk_take_fd(&proc);
}
