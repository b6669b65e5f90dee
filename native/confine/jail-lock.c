/* What a confined server gives up for good. */
#include "common/fail.h"
#include "jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* To give files any owner, mode, set-id bit, device number and file capability, for any user of the guest.
 * Not DAC_READ_SEARCH: it opens files of the host by handle, past every mount (open_by_handle_at(2)). */
#define BIT(cap) (UINT64_C(1) << (cap))
#define OWNERS                                                                                               \
    (BIT(CAP_CHOWN) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETUID) | BIT(CAP_SETGID) |                \
     BIT(CAP_MKNOD) | BIT(CAP_SETFCAP))
/* To make a folder of the jail its root, and to empty the bounding set. Neither leads out. */
#define TO_LOCK (BIT(CAP_SYS_CHROOT) | BIT(CAP_SETPCAP))

static const int refused[] = {
    /* other namespaces and mounts */
    SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount,
    SYS_fsopen, SYS_fsmount, SYS_fspick, SYS_mount_setattr, SYS_open_by_handle_at,
    /* other processes, and the network */
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_socket,
    /* wide interfaces of the kernel */
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_keyctl, SYS_add_key,
    SYS_request_key};

/* A server acts as the user who asks by changing its own ids, so that files get the right owner. It would
 * lose its capabilities on the way, and the host's kernel would check again what the guest's has checked
 * already, without knowing the user's other groups. */
static int keep_capabilities_of_users(void) {
    return prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED);
}

/* What is executed as root gets what is in the bounding set. */
static int drop_capabilities(const struct jail_lock *lock) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    uint64_t mask = BIT(CAP_DAC_OVERRIDE) | (lock->owners ? OWNERS : 0) | (lock->locks_itself ? TO_LOCK : 0);

    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (!(mask & BIT(cap)) && prctl(PR_CAPBSET_DROP, cap) < 0)
            return -1;
    }
    for (int half = 0; half < 2; half++)
        data[half].permitted = data[half].effective = (uint32_t)(mask >> (32 * half));
    return (int)syscall(SYS_capset, &header, data);
}

int raise_limit(int which, unsigned long value) {
    struct rlimit limit = {value, value};

    if (setrlimit((__rlimit_resource_t)which, &limit) == 0)
        return 0;
    if (getrlimit((__rlimit_resource_t)which, &limit) < 0)
        return -1;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit((__rlimit_resource_t)which, &limit);
}

/* seccomp(2). The x32 numbers reach the same calls by other names; clone3 hides its flags in memory, and the
 * C library does without it. */
static int filter_calls(void) {
    enum { HEAD = 10 };
    const struct sock_filter head[HEAD] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
    };
    struct sock_filter program[HEAD + 4 + 2 * COUNT(refused)];
    struct sock_fprog prog = {.filter = program};
    size_t n = 0;

    while (n < HEAD) {
        program[n] = head[n];
        n++;
    }
    program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)CLONE_NEWUSER, 0, 1);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < COUNT(refused); i++) {
        program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i], 0, 1);
        program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    }
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    prog.len = (unsigned short)n;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

int jail_lock(const struct jail_lock *lock) {
    if (raise_limit(RLIMIT_NOFILE, lock->files) < 0)
        return fail_errno("cannot limit open files");
    if (lock->owners && keep_capabilities_of_users() < 0)
        return fail_errno("cannot keep capabilities");
    if (drop_capabilities(lock) < 0)
        return fail_errno("cannot drop capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || (!lock->locks_itself && filter_calls() < 0))
        return fail_errno("cannot filter the server's system calls");
    return 0;
}
