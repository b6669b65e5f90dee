/* A root that has a program, the files it needs and, where one is given, a shadow's tree; and nothing else.
 */
#ifndef NK_JAIL_H
#define NK_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* QEMU's libraries are 50 to 100. */
#define NK_JAIL_MAX_FILES 256

/* Where the tree is. */
#define JAIL_TREE "/tree"

/* preload/one-device.c in the jail. */
#define JAIL_PRELOAD "/lib/nk-one-device.so"

struct jail_file {
    const char *source;
    const char *name;
    unsigned long long attributes; /* of its mount */
    int mount;                     /* a copy of the source's */
    int content;  /* of a file that the jail's user could not read as it is; -1: it is mounted */
    mode_t mode;  /* of the copy of the content */
    dev_t device; /* 0: none, or one that is mounted */
};

struct jail {
    pid_t shadow;  /* 0: no tree */
    unsigned user; /* who runs the program; 0: root */
    struct jail_file files[NK_JAIL_MAX_FILES];
    size_t count;
    bool proc;          /* of the pid namespace: its processes, read-only */
    bool keeps_network; /* the namespace that it is in is its own already, or it is to be in the host's */
    bool preload;
    int proc_mount;
    int tree_ns;
    int tree_root; /* O_PATH: what the root of tree_ns must be */
};

/* What is given up for good, also for what this process executes. */
struct jail_lock {
    /* Acts for all users: owners, modes, set-id bits, device numbers, file capabilities. */
    bool owners;
    /* It has a filter of system calls on top of ours, and gives up capabilities, itself. */
    bool locks_itself;
    bool internet;  /* may open sockets of the internet's protocols */
    bool unlocked;  /* nothing is given up: for people with debuggers */
    bool groups;    /* cannot give up its groups, and is to think that it has */
    unsigned files; /* open at once, at most */
    unsigned user;  /* becomes this one, and its group */
};

/* All return <0 on failure, with fail_text(). */

/* An option of the command line about the jail: how many words it has; 0: it is none, or lacks some.
 *   --tree SHADOW            the shadow's tree; `holder`: that of NK_SHADOW_PID
 *   --file PATH              of the host, at the same path in the jail, read-only
 *   --bind SOURCE NAME ro|rw of the host, under another name
 *   --device PATH            of the host */
int jail_option(struct jail *jail, char **words, int left);

/* An absolute path of the host; the file is at the same path in the jail, read-only. */
int jail_add_file(struct jail *jail, const char *path);

/* One file of the host: take it while the host's paths can be named, place it at its name in the root that we
 * are in. */
int jail_take_file(const struct jail *jail, struct jail_file *file);
int jail_place_file(const struct jail *jail, const struct jail_file *file);

/* Makes a file with that content, and the folders above it. */
int jail_write_file(const char *path, const char *bytes, size_t size);

/* Takes what is needed of the host, while its paths mean what they say. */
int jail_take(struct jail *jail);

/* Leaves the host's namespaces but for the pid namespace of this process, and makes the jail its root. */
int jail_enter(struct jail *jail);

/* The kernel forgets on the way that the program should die with its parent: supervised_again(). */
int jail_lock(struct jail_lock *lock);

/* The filter alone; <0 with errno. */
int jail_filter(const struct jail_lock *lock);

/* A limit of setrlimit(2) to `value`, or to what may be had: root without CAP_SYS_RESOURCE (in a container)
 * cannot go beyond the hard limit, and sudo makes that of core files 0. <0 with errno. */
int raise_limit(int which, unsigned long value);

#endif
