/* A program as the first process of a pid namespace, and the process outside that waits for it. */
#ifndef NK_SUPERVISE_H
#define NK_SUPERVISE_H

/* Runs `become` in the child: it executes the program, or returns with fail_text(). What takes the program
 * over can see and signal no other process. SIGTERM to the caller kills the child; the caller's death does
 * too. Ends as the child did: returns its exit status, or dies by its signal, and whoever waits for the
 * caller knows that nothing is left. <0: see fail_text(). */
int supervise(const char *command, int (*become)(void *context), void *context);

#endif
