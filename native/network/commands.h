/* The subcommands of this room. Each returns the exit status of the process. */
#ifndef NK_NETWORK_COMMANDS_H
#define NK_NETWORK_COMMANDS_H

int probe_mirror_command(void);
int relay_resolver_command(int argc, char **argv);
int forward_ports_command(const char *netns, const char *socket_path);
int watch_network_command(const char *netns);
int deepen_backlog_command(const char *pid);

#endif
