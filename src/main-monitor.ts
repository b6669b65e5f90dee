import { endWith } from "./base/end-process.ts";
import { asNkError } from "./base/errors.ts";
import { writeStderr } from "./base/logger.ts";
import { monitorMain } from "./sandbox/main.ts";

/** A bundle of its own, so that commands do not read the monitor's code, nor the monitor theirs. `nk-runtime monitor STATE_DIR` */
endWith(
  monitorMain(process.argv.slice(3)).catch((error: unknown) => {
    writeStderr(`monitor: ${asNkError(error).message}\n`);
    return 1;
  }),
);
