import { NkError } from "../../base/errors.ts";

/**
 * The in-VM runtime's failure to start a program, in the words of runc, which callers search for: Docker and podman make the exit codes 126 and
 * 127 of them. What else the runtime says becomes the message, which is all that callers read.
 */
export function inRuncsWords(error: NkError, program: string): NkError {
  if (error.code !== "RUNTIME" || error.log === undefined) return error;
  const reason = startFailure(error.log, program);
  if (reason === undefined) return inItsOwnWords(error, error.log);
  return new NkError(
    "EXEC",
    `unable to start container process: exec: ${JSON.stringify(program)}: ${reason}`,
    {
      cause: error,
    },
  );
}

const MAX_WORDS = 500;

function inItsOwnWords(error: NkError, log: string): NkError {
  const lines = log.trim().split("\n");
  const words = (lines.at(-1) ?? "").slice(0, MAX_WORDS);
  const details = { phase: error.phase ?? "create", cause: error, ...(lines.length > 1 && { log }) };
  return new NkError("RUNTIME", `the runtime in the VM refused: ${words}`, details);
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
    /(?:open executable|exec(?:ve)?)[^:\n]*: (Permission denied|Operation not permitted|Not a directory|No such file or directory|Exec format error|Is a directory)/i.exec(
      log,
    );
  const words = open?.[1]?.toLowerCase();
  // What crun gets for a folder; runc asks beforehand.
  return words === "operation not permitted" ? "permission denied" : words;
}
