/* Any bytes as the monitor's answer to a request for an exec session. */
#include "connection.h"
#include "shadow/upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int pair[2];

    connection_open(pair, data, size);
    const struct child shadow = {.pid = 1, .sync = -1};

    upgrade_start(pair[0], "/containers/c1/exec", &shadow, -1, "{}");
    close(pair[0]);
    close(pair[1]);
    return 0;
}
