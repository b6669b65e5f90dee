#pragma once
/* Abstract Unix sockets, their names filled up with NUL bytes as node does. */

int listen_abstract(const char *name);
/* -1: nobody listens. */
int connect_abstract(const char *name);
