/* Kernel modules, for kernels that have their drivers outside. */
#ifndef NK_MODULES_H
#define NK_MODULES_H

/* Loads what the list names: one path a line, with parameters after a space, in the order needed. No list, no
 * modules. */
void nk_modules_load(const char *list);

#endif
