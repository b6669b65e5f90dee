/* What PID 1 owes the machine before anything else runs. */
#ifndef NK_INIT_H
#define NK_INIT_H

#include "base/error.h"

#include <stdbool.h>

/* Root, file systems, console, modules: what it takes to reach the host. */
int nk_init_machine(struct nk_error *e);

/* Controllers and loopback: what only containers need. Done while the host reads the hello. */
void nk_init_rest(void);

/* The kernel's command line has this word. */
bool nk_init_has_option(const char *word);

#endif
