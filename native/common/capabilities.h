/* Capabilities of this process, as bits by their numbers (capabilities(7)). All return <0 with errno. */
#ifndef NK_CAPABILITIES_H
#define NK_CAPABILITIES_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

#define NK_CAPABILITY(number) (UINT64_C(1) << (number))

/* What is executed can never have others than these. */
int capabilities_limit(uint64_t mask);

/* Has these alone. */
int capabilities_set(uint64_t mask);

/* Keeps those of these that it has, and uses none for now. */
int capabilities_keep(uint64_t mask);

/* Uses those of these that it has kept, or puts them away. */
int capabilities_use(uint64_t mask, bool on);

#endif
