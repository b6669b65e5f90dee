#ifndef NK_UPGRADE_H
#define NK_UPGRADE_H

#include "launch.h"

/* Turns a connection to the control socket into one for frames by a request for `endpoint`, sends the size of
 * the terminal `tty` (-1: none) and what is asked for, and waits until the process of `shadow` is there. <0:
 * it is not; fail_text() has the monitor's words. */
int upgrade_start(int control, const char *endpoint, const struct child *shadow, int tty,
                  const char *request);

#endif
