#ifndef NK_HALT_H
#define NK_HALT_H

/* NK_HALT_AT=STEP in the environment: the process waits at that step, under the name "nk-halted", until it
 * gets SIGCONT (docs/recovery.md). */
void halt_at(const char *step, ...) __attribute__((format(printf, 1, 2)));

#endif
