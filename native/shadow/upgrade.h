#ifndef NK_UPGRADE_H
#define NK_UPGRADE_H

/* Turns a connection to the control socket into one for frames, sends the size of the terminal `tty` (-1:
 * none) and the exec request, and waits until the process runs. <0: it does not; fail_text() has the
 * monitor's words. */
int upgrade_start(int control, int tty, const char *request);

#endif
