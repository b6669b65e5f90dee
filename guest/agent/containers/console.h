/* The socket on which a runtime hands over the master of a terminal. */
#ifndef NK_CONSOLE_H
#define NK_CONSOLE_H

#include "base/error.h"

struct nk_process;

int nk_console_listen(struct nk_process *p, struct nk_error *e);

/* Takes the terminal. The runtime has ended well, so it has connected and sent it: nothing is waited for. */
int nk_console_accept(struct nk_process *p, struct nk_error *e);
void nk_console_close(struct nk_process *p);

#endif
