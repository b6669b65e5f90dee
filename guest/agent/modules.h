/* Kernel modules, for kernels that have their drivers outside. */
#ifndef NK_MODULES_H
#define NK_MODULES_H

/* Loads what the list names: one path a line, with parameters after a space, in the order needed. No list, no
 * modules. */
void nk_modules_load(const char *list);

/* Loads a module that waits for its need in /etc/nk/modules.later, with those that it needs: "NAME PATH…" a
 * line. <0: it has no line. */
int nk_modules_load_later(const char *name);

#endif
