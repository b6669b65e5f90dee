/* Processes of a sandbox that are started before its monitor is, and are the monitor's children: a VM boots
 * while node starts. */
#ifndef NK_DAEMONS_H
#define NK_DAEMONS_H

#include "plan.h"

/*
 * To be called in the process that becomes the monitor, when its descriptors are in place. Starts the plan's
 * daemons, each when the sockets of the one before are there; each finds its channels as 3, 4, …, after them
 * its status (supervise.h) and `tree`, of which it can read a byte when the holder's tree is there, and its
 * output as 1 and 2. Our ends of the others stay open, and the environment says which they are: NK_DAEMONS =
 * NAME:PID:START_NS:OUTPUT,STATUS,CHANNEL… separated by blanks with the time of the start on CLOCK_MONOTONIC.
 * <0 with errno. They die with this process.
 */
int daemons_start(const struct plan *plan, int tree);

#endif
