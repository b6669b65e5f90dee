/* What PID 1 owes the machine before anything else runs. */
#ifndef NK_INIT_H
#define NK_INIT_H

#include "error.h"

#include <stdbool.h>

/* Root, file systems, console, modules, loopback. */
int nk_init_machine(struct nk_error *e);

/* The kernel's command line has this word. */
bool nk_init_has_option(const char *word);

#endif
