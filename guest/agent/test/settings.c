/* What main.c does for the agent. */
#include "base/agent.h"
#include "rooms.h"

#include <stdlib.h>

static void die(const char *reason) {
    (void)reason;
    abort();
}

__attribute__((constructor)) static void be_main(void) {
    nk_on_quit = exit;
    nk_on_death = die;
    nk_rooms_connect();
}
