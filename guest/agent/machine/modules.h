/* Kernel modules, for kernels that have their drivers outside. */
#ifndef NK_MODULES_H
#define NK_MODULES_H

#include <stdbool.h>

/* Loads what the list names: one path a line, with parameters after a space, in the order needed. No list, no
 * modules. */
void nk_modules_load(const char *list);

/* Loads a module that waits for its need in /etc/nk/modules.later, with those that it needs: "NAME PATH…" a
 * line. <0: it has no line. */
int nk_modules_load_later(const char *name);

/* The kernel's helper, `/sbin/modprobe -q -- ALIAS`: something in the guest has asked for what a module
 * brings. A process of its own. Returns its exit status. */
bool nk_modules_is_helper(const char *program);
int nk_modules_help(char **words);

#endif
