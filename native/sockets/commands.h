/* The subcommands of this room. Each returns the exit status of the process. */
#ifndef NK_SOCKETS_COMMANDS_H
#define NK_SOCKETS_COMMANDS_H

int socket_kinds_command(int count, char **paths);
int send_datagrams_command(void);

#endif
