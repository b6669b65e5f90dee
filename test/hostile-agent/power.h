/* Ways in which a guest stops being one. */
#ifndef NK_POWER_H
#define NK_POWER_H

/* "off", "restart", "halt" (CPUs stop with interrupts off), "panic", "spin" (100 % CPU, nothing else runs).
 * Returns only if that did not work. */
void power(const char *how);

#endif
