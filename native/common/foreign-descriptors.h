#ifndef NK_FOREIGN_DESCRIPTORS_H
#define NK_FOREIGN_DESCRIPTORS_H

#include <sys/types.h>

/* What is done with one. `name` is its number, in `folder`, which is /proc/PID/fd; `pidfd` is for
 * nk_pidfd_getfd. Returns whether it was one that was looked for; <0 ends the walk: see fail_text(). */
typedef int foreign_descriptor_visit(int pidfd, int folder, const char *name);

/* Visits each descriptor of a process. Returns how many were looked for; <0: see fail_text(). */
int foreign_descriptors(pid_t pid, foreign_descriptor_visit *visit);

#endif
