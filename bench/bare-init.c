/*
 * The smallest init there is: restarts the machine at once, which ends both VMMs. What bench/start.ts
 * measures with it is the VMM and the kernel alone, the floor for everything that nk-runtime adds.
 */
#include <sys/reboot.h>
#include <unistd.h>

int main(void) {
    reboot(RB_AUTOBOOT);
    return 0;
}
