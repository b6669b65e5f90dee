/* Any bytes from the monitor: the pump ends, whatever they are. Runs with -close_fd_mask=3, as it closes its
 * standard streams. */
#include "connection.h"
#include "shadow/pump.h"

static void open_standard_streams(void) {
    for (int fd = 0; fd <= 2; fd++) {
        int null = open("/dev/null", O_RDWR);
        if (null != fd) {
            dup2(null, fd);
            close(null);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct caller caller = {.launcher = -1};
    int pair[2];

    open_standard_streams();
    connection_open(pair, data, size);
    pump_run(&(struct pump_ends){pair[0], -1, false, &caller});
    /* The program would end here: its descriptors are all above the first of the pair. */
    close_range((unsigned)(pair[0] < pair[1] ? pair[0] : pair[1]), ~0u, 0);
    return 0;
}
