import { NkError } from "../base/errors.ts";

/**
 * The in-VM runtime's failure to start a program, in the words of runc, which callers search for: Docker and podman make the exit codes 126 and
 * 127 of them. Any other error is handed back as it came.
 */
export function inRuncsWords(error: NkError, program: string): NkError {
  if (error.code !== "RUNTIME" || error.log === undefined) return error;
  const reason = startFailure(error.log, program);
  if (reason === undefined) return error;
  return new NkError(
    "EXEC",
    `unable to start container process: exec: ${JSON.stringify(program)}: ${reason}`,
    {
      cause: error,
    },
  );
}

/** crun's texts are those of 1.8 (libcrun/utils.c, find_executable) and later; runc's are runc's own. */
function startFailure(log: string, program: string): string | undefined {
  if (/executable file .+ not found in \$PATH/.test(log)) {
    return program.includes("/")
      ? `stat ${program}: no such file or directory`
      : "executable file not found in $PATH";
  }
  if (/executable file .+ not found/.test(log)) return `stat ${program}: no such file or directory`;
  const own = /exec: "(?:[^"\\]|\\.)*": ([^\n]{1,300})/.exec(log);
  if (own) return own[1];
  const open =
    /(?:open executable|exec(?:ve)?)[^:\n]*: (Permission denied|Not a directory|No such file or directory|Exec format error|Is a directory)/i.exec(
      log,
    );
  return open?.[1]?.toLowerCase();
}
