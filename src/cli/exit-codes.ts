/** What runc gives for a command it does not know. */
export const EXIT_UNKNOWN_COMMAND = 3;

/** runc's exec gives 255 for every error, because 1 may be the status of the process. @param command "" before it runs. */
export function exitCodeOf(command: string): number {
  return command === "exec" ? 255 : 1;
}
