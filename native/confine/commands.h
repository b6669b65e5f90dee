/* The subcommands of this room. Each returns the exit status of the process. */
#ifndef NK_CONFINE_COMMANDS_H
#define NK_CONFINE_COMMANDS_H

int serve_command(int argc, char **argv);
int confine_command(int argc, char **argv);
int jail_command(int argc, char **argv);
int unpersist_command(const char *pid);
int rights_command(void);

#endif
