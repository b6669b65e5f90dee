/* The guest's network, made as the host says. */
#ifndef NK_NETWORK_H
#define NK_NETWORK_H

#include "base/error.h"

#include <jansson.h>

/* Reads a request `network` whose own members are checked. <0: BAD_REQUEST */
int nk_network_check(const json_t *body, struct nk_error *e);

/* Makes the network of this process's namespace what the request says. *changed: what was not so. */
int nk_network_apply(const json_t *body, unsigned *changed, struct nk_error *e);

#endif
