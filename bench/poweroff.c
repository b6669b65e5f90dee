/*
 * The smallest init there is: powers the machine off at once. What bench/start.ts measures with it is the VMM
 * and the kernel alone, the floor for everything that nk-runtime adds.
 */
#include <sys/reboot.h>
#include <unistd.h>

int main(void) {
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}
