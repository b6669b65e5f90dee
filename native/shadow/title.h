#ifndef NK_TITLE_H
#define NK_TITLE_H

/* Has this process shown with that command line (proc_pid_cmdline(5)), whose words lie one behind the other
 * and stay: who lists the processes of a container on the host, as podman top does, sees what runs in it. Its
 * name stays (PR_SET_NAME), and so does its environment. NULL, or a kernel that refuses, changes nothing. */
void title_set(char *const *words);

#endif
