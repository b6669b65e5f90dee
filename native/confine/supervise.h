/* A program as the first process of a pid namespace, and the process outside that waits for it. */
#ifndef NK_SUPERVISE_H
#define NK_SUPERVISE_H

/* Runs `become` in the child: it executes the program, or returns with fail_text(). `alive` is the child's
 * alone, and closed when it executes something. What takes the program
 * over can see and signal no other process. SIGTERM to the caller kills the child; the caller's death does
 * too. Ends as the child did: returns its exit status, or dies by its signal, and whoever waits for the
 * caller knows that nothing is left. `status_fd`: gets a line with the status of waitpid(2); -1: nobody is
 * told. <0: see fail_text(). */
int supervise(const char *command, int status_fd, int (*become)(void *context, int alive), void *context);

/* To be called in the child once it has its user, when the kernel has forgotten whose child it is. `alive` is
 * the descriptor that `become` got, wherever it is by now; it is closed. <0: the parent is gone already. */
int supervised_again(int alive);

/* Writes the line with the status, unless status_fd is -1. */
void supervise_tell(int status_fd, int status);

#endif
