/* Which system calls a confined program may not make, whatever filter it has itself. */
#include "jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define X32_CALLS 0x40000000u

static const int refused[] = {
    /* other namespaces and mounts */
    SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsmount,
    SYS_fspick, SYS_mount_setattr, SYS_open_by_handle_at,
    /* other processes */
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd,
    /* wide interfaces of the kernel */
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_keyctl, SYS_add_key,
    SYS_request_key};

#define LOAD(member)                                                                                         \
    (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define RETURN(what) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, what)
/* Each skips the next statement unless it holds. */
#define IF_EQUAL(value) (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, 1)
#define IF_ABOVE(value) (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)(value), 0, 1)
#define IF_ANY(bits) (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(bits), 0, 1)
#define IF_NOT(value) (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 1, 0)
#define SKIP_IF(value, skip)                                                                                 \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), skip, 0)
#define UNLESS(value, skip)                                                                                  \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, skip)

#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)

struct program {
    struct sock_filter code[64 + 2 * COUNT(refused)];
    size_t length;
};

static void add(struct program *program, struct sock_filter statement) {
    program->code[program->length++] = statement;
}

static void refuse(struct program *program, int call) {
    add(program, IF_EQUAL(call));
    add(program, REFUSE);
}

/* The flags of unshare and clone: the first argument, of which only the lower half has any. */
static void refuse_flags(struct program *program, int call, struct sock_filter if_bad) {
    add(program, UNLESS(call, 4));
    add(program, LOAD(args[0]));
    add(program, if_bad);
    add(program, REFUSE);
    add(program, LOAD(nr));
}

/* The x32 numbers reach the same calls by other names; clone3 hides its flags in memory, and the C library
 * does without it. */
static void add_head(struct program *program) {
    add(program, LOAD(arch));
    add(program, IF_NOT(AUDIT_ARCH_X86_64));
    add(program, RETURN(SECCOMP_RET_KILL_PROCESS));
    add(program, LOAD(nr));
    add(program, IF_ABOVE(X32_CALLS));
    add(program, RETURN(SECCOMP_RET_KILL_PROCESS));
    add(program, IF_EQUAL(SYS_clone3));
    add(program, RETURN(SECCOMP_RET_ERRNO | ENOSYS));
    refuse_flags(program, SYS_clone, IF_ANY(CLONE_NEWUSER));
}

/* virtiofsd makes a folder its root, and gives each of its threads a working directory of its own. */
static void add_places(struct program *program, bool locks_itself) {
    if (locks_itself) {
        refuse_flags(program, SYS_unshare, IF_NOT(CLONE_FS));
        return;
    }
    refuse(program, SYS_unshare);
    refuse(program, SYS_chroot);
}

/* The network is that of TCP, UDP and ICMP, or none. */
static void add_sockets(struct program *program, bool internet) {
    if (!internet) {
        refuse(program, SYS_socket);
        return;
    }
    add(program, UNLESS(SYS_socket, 5));
    add(program, LOAD(args[0]));
    add(program, SKIP_IF(AF_INET, 2));
    add(program, SKIP_IF(AF_INET6, 1));
    add(program, REFUSE);
    add(program, LOAD(nr));
}

/* In a user namespace that one user has made alone (setgroups(2)). A server that cannot give up the groups
 * that it was started with ends, though these are the user's own, as all that it serves is. */
static void keep_groups(struct program *program) {
    add(program, IF_EQUAL(SYS_setgroups));
    add(program, RETURN(SECCOMP_RET_ERRNO | 0));
}

int jail_filter(const struct jail_lock *lock) {
    struct program program = {.length = 0};
    struct sock_fprog prog = {.filter = program.code};

    add_head(&program);
    add_places(&program, lock->locks_itself);
    add_sockets(&program, lock->internet);
    if (lock->groups)
        keep_groups(&program);
    for (size_t i = 0; i < COUNT(refused); i++)
        refuse(&program, refused[i]);
    add(&program, RETURN(SECCOMP_RET_ALLOW));
    prog.len = (unsigned short)program.length;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}
