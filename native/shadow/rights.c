#include "rights.h"

#include "common/capabilities.h"
#include "common/fail.h"

#include <sys/prctl.h>

/* Pipes beyond the limit of their user (fs.pipe-user-pages-soft), sockets beyond net.core.wmem_max. */
#define FOR_ROOM (NK_CAPABILITY(CAP_SYS_RESOURCE) | NK_CAPABILITY(CAP_NET_ADMIN))

int rights_drop(void) {
    if (capabilities_limit(0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        capabilities_keep(FOR_ROOM) < 0)
        return fail_errno("cannot give up the shadow's capabilities");
    return 0;
}

void rights_for_room(bool on) {
    capabilities_use(FOR_ROOM, on);
}
