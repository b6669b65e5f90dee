/* The subcommands. Each returns the exit status of the process. */
#ifndef NK_COMMANDS_H
#define NK_COMMANDS_H

int create_command(void);
int exec_command(void);
int detach_command(const char *shadow, const char *folder);
int spawn_command(int argc, char **argv);
int serve_command(int argc, char **argv);
int confine_command(int argc, char **argv);
int jail_command(int argc, char **argv);
int fifo_command(int count, char **paths);
int xattrs_command(int count, char **paths);
int keep_command(const char *bytes);
int files_command(const char *root);

#endif
