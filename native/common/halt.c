#include "halt.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* Not by SIGSTOP: a shadow is the first process of its pid namespace, and such a one cannot stop itself
 * (pid_namespaces(7)). */
void halt_at(const char *step, ...) {
    const char *wanted = getenv("NK_HALT_AT");
    char reached[64];
    va_list words;
    char name[16];
    sigset_t cont;
    sigset_t before;

    if (!wanted)
        return;
    va_start(words, step);
    vsnprintf(reached, sizeof reached, step, words);
    va_end(words);
    if (strcmp(wanted, reached) != 0)
        return;
    sigemptyset(&cont);
    sigaddset(&cont, SIGCONT);
    sigprocmask(SIG_BLOCK, &cont, &before);
    prctl(PR_GET_NAME, name);
    prctl(PR_SET_NAME, "nk-halted");
    sigwaitinfo(&cont, NULL);
    prctl(PR_SET_NAME, name);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
