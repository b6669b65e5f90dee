/* The subcommands of this room. Each returns the exit status of the process. */
#ifndef NK_DAEMON_COMMANDS_H
#define NK_DAEMON_COMMANDS_H

int spawn_command(int argc, char **argv);
int keep_command(const char *bytes);
int fifo_command(int count, char **paths);

#endif
