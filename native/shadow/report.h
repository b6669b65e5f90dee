/* Lines for the caller on descriptor 4. */
#ifndef NK_REPORT_H
#define NK_REPORT_H

#include <sys/types.h>

enum { PLAN_FD = 3, REPORT_FD = 4 };

/* <0: the caller is gone. */
int report_shadow(pid_t pid);

/* `error TEXT`, the text of fail_text(); returns `status`. */
int report_failure(int status);

#endif
