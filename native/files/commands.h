/* The subcommands of this room. Each returns the exit status of the process. */
#ifndef NK_FILES_COMMANDS_H
#define NK_FILES_COMMANDS_H

int files_command(const char *root);
int remove_command(const char *folder, const char *name);
int xattrs_command(int count, char **paths);

#endif
