import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

export interface Logger {
  /** A file or FIFO; made when missing, in a folder that exists. Without it the log goes to standard output, where the guest's console is as well. */
  log_path?: string;
  level?: "Off" | "Trace" | "Debug" | "Info" | "Warn" | "Error";
  show_level?: boolean;
  show_log_origin?: boolean;
  /** Only what this module of Firecracker's says. */
  module?: string;
}

/** PUT /logger, before the start. */
export function putLogger(api: FirecrackerApi, logger: Logger, deadline: Deadline): Promise<void> {
  return api.put("/logger", logger, "what the VMM has to say goes to a file", deadline);
}
