/* Linked into the guest's static crun (scripts/build-crun.sh), between it and libseccomp.
 *
 * A profile cannot name system calls that are newer than itself, and its default action, often EPERM, would
 * meet them. Programs take EPERM for an answer; for ENOSYS they have another way (glibc's fchmodat2, say).
 * runc puts a stub before the filter: what is above the highest number that the profile names does not exist
 * (libcontainer/seccomp/patchbpf). crun has none, so the same is done here as it calls libseccomp.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* The numbers of x32 begin here; they have the architecture of x86-64. */
#define X32_BIT 0x40000000u

scmp_filter_ctx __real_seccomp_init(uint32_t action);
int __real_seccomp_arch_add(scmp_filter_ctx ctx, uint32_t arch);
int __real_seccomp_syscall_resolve_name(const char *name);
int __real_seccomp_export_bpf(const scmp_filter_ctx ctx, int fd);

/* Of the one profile of this process. */
static uint32_t default_action;
static bool has_x86;
static int highest_x86_64 = -1;
static int highest_x86 = -1;

static void raise_to(int *highest, int number) {
    if (number > *highest)
        *highest = number;
}

scmp_filter_ctx __wrap_seccomp_init(uint32_t action) {
    default_action = action;
    return __real_seccomp_init(action);
}

int __wrap_seccomp_arch_add(scmp_filter_ctx ctx, uint32_t arch) {
    has_x86 = has_x86 || arch == SCMP_ARCH_X86;
    return __real_seccomp_arch_add(ctx, arch);
}

int __wrap_seccomp_syscall_resolve_name(const char *name) {
    raise_to(&highest_x86_64, seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name));
    raise_to(&highest_x86, seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name));
    return __real_seccomp_syscall_resolve_name(name);
}

/* As runc: where all is allowed, or the answer is ENOSYS anyway, there is nothing to mend. */
static bool is_needed(void) {
    return default_action != SCMP_ACT_ALLOW && default_action != SCMP_ACT_LOG &&
           default_action != SCMP_ACT_ERRNO(ENOSYS);
}

static int write_stub(int fd, uint32_t arch, int highest) {
    const struct sock_filter stub[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)highest, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };

    if (highest < 0)
        return 0;
    return write(fd, stub, sizeof stub) == sizeof stub ? 0 : -EIO;
}

int __wrap_seccomp_export_bpf(const scmp_filter_ctx ctx, int fd) {
    if (is_needed() && (write_stub(fd, AUDIT_ARCH_X86_64, highest_x86_64) < 0 ||
                        (has_x86 && write_stub(fd, AUDIT_ARCH_I386, highest_x86) < 0)))
        return -EIO;
    return __real_seccomp_export_bpf(ctx, fd);
}
