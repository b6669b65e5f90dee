import type { GuestEnd } from "./guest/guest.ts";
import { EXIT, handleSignals, MainError, Panic } from "./exit.ts";
import { endGuest, faultNumber, type Faults } from "./faults.ts";
import type { ApiServer, Handler } from "./http/server.ts";
import type { Log } from "./log.ts";
import { osError, osErrorDebug, SOCKET_PATH_MAX, SOCKET_PATH_TOO_LONG } from "./os-error.ts";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Vmm } from "./vmm.ts";

/** The text that a panicking guest leaves on its console. */
const PANIC_TEXT =
  "[    0.900000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n";
const HALT_TEXT = "[    0.900000] reboot: System halted\r\n";

/** Ends the process as Firecracker's main function does. */
export function finish(log: Log, error: unknown): never {
  if (error instanceof Panic) {
    log.error(`Firecracker panicked at ${error.at}:\n${error.message}`);
    process.kill(process.pid, "SIGABRT");
  }
  if (error === undefined) {
    log.info("Firecracker exiting successfully. exit_code=0");
    process.exit(0);
  }
  if (!(error instanceof MainError)) throw error;
  log.error(error.message);
  process.stderr.write(`Error: ${error.debug}\n`);
  log.error(`Firecracker exiting with error. exit_code=${error.code}`);
  process.exit(error.code);
}

/** Binds the API's socket and serves it. @throws MainError */
export async function serveApi(server: ApiServer, path: string, log: Log): Promise<void> {
  const failed = (why: string, debug: string) =>
    new MainError(
      `RunWithApiError error: Failed to bind and run the HTTP server: IO error: ${why}`,
      `RunWithApi(FailedToBindAndRunHttpServer(IOError(${debug})))`,
    );
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX)
    throw failed(SOCKET_PATH_TOO_LONG, `Error { kind: InvalidInput, message: "${SOCKET_PATH_TOO_LONG}" }`);
  // node says EACCES for it
  const missing = { code: "ENOENT", errno: 2 };
  if (!existsSync(dirname(path))) throw failed(osError(missing), osErrorDebug(missing));
  try {
    await server.listen(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE")
      throw failed(osError(error), osErrorDebug(error));
    throw new MainError(
      `RunWithApiError error: Failed to open the API socket at: ${path}. Check that it is not already used.`,
      `RunWithApi(FailedToBindSocket(${JSON.stringify(path)}))`,
    );
  }
  log.info(`Listening on API socket (${JSON.stringify(path)}).`);
  log.info("API server started.", "fc_api");
}

/** Lets requests go wrong as asked. @param filtered the API's thread meets its filter of system calls */
export function faultyHandler(handler: Handler, faults: Faults, filtered: () => void): Handler {
  return async (request) => {
    if (faults.has("api-filtered")) {
      setTimeout(filtered, faultNumber(faults, "api-filtered", 0));
      return undefined;
    }
    const delayMs = faultNumber(faults, "slow", 500);
    if (faults.has("slow")) await new Promise((resolve) => setTimeout(resolve, delayMs));
    const cut = faults.get("reset");
    if (cut === "" || cut === request.path) return undefined;
    return handler(request);
  };
}

/** sendto(2): newer standard libraries answer with it, and the filters of older releases do not know it. */
const FORBIDDEN_SYSCALL = 44;

/** Ends the process as the real one's handler of SIGSYS does (src/vmm/src/signal_handler.rs). */
export function filterViolated(vmm: Vmm): never {
  vmm.log.error("Shutting down VM after intercepting signal 31, code 1.", "fc_api");
  vmm.log.error(`Shutting down VM after intercepting a bad syscall (${FORBIDDEN_SYSCALL}).`, "fc_api");
  return abort(vmm, EXIT.badSyscall);
}

function abort(vmm: Vmm, code: number): never {
  vmm.metrics.write();
  process.exit(code);
}

/** Handles signals, and ends the process when the guest ends. */
export class Life {
  private readonly log: Log;
  private readonly faults: Faults;

  constructor(log: Log, faults: Faults) {
    this.log = log;
    this.faults = faults;
    if (faults.has("ignore-sigterm")) process.on("SIGTERM", () => {});
  }

  watch(vmm: Vmm): void {
    handleSignals(this.log, (code) => abort(vmm, code));
    vmm.guest.ended.then(
      (how) => this.guestEnded(vmm, how),
      (error: Error) => {
        process.stderr.write(`${error.message}\n`);
        this.stop(vmm, EXIT.generic);
      },
    );
  }

  /** To be called when the guest runs. */
  started(vmm: Vmm): void {
    if (this.faults.has("dies")) setImmediate(() => process.exit(faultNumber(this.faults, "dies", 1)));
    endGuest(this.faults, (how) => {
      if (how !== "reboot") vmm.serial.write(Buffer.from(how === "panic" ? PANIC_TEXT : HALT_TEXT));
      this.guestEnded(vmm, how);
    });
  }

  /** A guest that is switched off leaves the process as it is; restart and panic end it, and look the same. */
  private guestEnded(vmm: Vmm, how: GuestEnd): void {
    if (how !== "poweroff") this.stop(vmm, 0);
  }

  private stop(vmm: Vmm, code: number): never {
    this.log.info("Vmm is stopping.");
    this.log.info("Killing vCPU threads");
    vmm.metrics.write();
    const what = "MicroVMStoppedWithError(GenericError)";
    const error = new MainError(
      "RunWithApiError error: MicroVM stopped with an error: GenericError",
      `RunWithApi(${what})`,
    );
    return finish(this.log, code === 0 ? undefined : error);
  }
}
