/* What a shadow may do once it stands where it stands. */
#ifndef NK_RIGHTS_H
#define NK_RIGHTS_H

#include <stdbool.h>

/* Gives up all capabilities for good, but for two that it may use later: rights_for_room(). <0: see
 * fail_text(). */
int rights_drop(void);

/* Takes what it needs to make pipes and sockets of others larger than others may, or puts it away again. */
void rights_for_room(bool on);

#endif
