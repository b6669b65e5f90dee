/* The subcommands of this room. Each returns the exit status of the process. */
#ifndef NK_SHADOW_COMMANDS_H
#define NK_SHADOW_COMMANDS_H

int create_command(void);
int exec_command(void);
int detach_command(const char *shadow, const char *folder);

#endif
