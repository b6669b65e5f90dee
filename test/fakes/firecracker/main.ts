// A stand-in for Firecracker: its command line, its API byte for byte, its log, its metrics and its ends, without KVM. See README.md
// for what is exact. The environment says how it behaves:
//   NK_FAKE_FC_VERSION  1.16.1 (default), 1.14.4, 1.17.0-dev; others answer like the nearest of these
//   NK_FAKE_FC_GUEST    what runs in the VM: silent (default: nothing), agent (the agent, as a process of this host) or qemu
//                       (the real guest, emulated)
//   NK_FAKE_FC_ACCEL    how qemu runs it: tcg (default) or kvm
//   NK_FAKE_FC_FAULT    what goes wrong: faults.ts has the list
import { readFileSync } from "node:fs";
import { Handler } from "./api/handler.ts";
import { helpText, parseArguments, type Values } from "./arguments.ts";
import { configureFromFile } from "./config-file.ts";
import { EXIT, MainError, Panic } from "./exit.ts";
import { faultNumber, REFUSALS } from "./faults.ts";
import { makeGuest } from "./guest/make-guest.ts";
import { ApiServer } from "./http/server.ts";
import { levelOf, Log } from "./log.ts";
import { osError, osErrorDebug } from "./os-error.ts";
import { faultyHandler, filterViolated, finish, Life, serveApi } from "./process.ts";
import { any, decode } from "./serde/decode.ts";
import { readSettings } from "./settings.ts";
import { describeSnapshot } from "./snapshot-version.ts";
import { traitsOf } from "./version.ts";
import { Vmm } from "./vmm.ts";

const log = new Log();
const settings = readSettings(process.argv[1] ?? "");
const traits = traitsOf(settings.version);

/** Options that print something and end. True: one was given. */
function printed(values: Values): boolean {
  const title = `Firecracker v${traits.version}\n`;
  const snapshot = values.get("describe-snapshot");
  if (values.has("help")) console.log(`${title}\n${helpText()}`);
  else if (values.has("version")) console.log(title);
  else if (values.has("snapshot-version")) console.log(`v${traits.snapshotVersion}`);
  else if (snapshot !== undefined) console.log(describeSnapshot(snapshot, traits));
  else return false;
  return true;
}

/** @throws Panic */
function checkedInstanceId(id: string): string {
  const at = Array.from(id).findIndex((character) => !/[\p{Alphabetic}\p{N}-]/u.test(character));
  const complaint =
    id.length < 1 || id.length > 64
      ? `InvalidLen(${id.length}, 1, 64)`
      : at >= 0
        ? `InvalidChar('${Array.from(id)[at]}', ${at})`
        : undefined;
  if (complaint !== undefined)
    throw new Panic("src/firecracker/src/main.rs:309:48", `Invalid instance ID: ${complaint}`);
  return id;
}

/** @throws MainError */
function configureLog(values: Values): void {
  const name = values.get("level");
  const level = name === undefined ? undefined : levelOf(name);
  if (name !== undefined && level === undefined)
    throw new MainError(
      "Invalid value for logger level: Invalid LevelFilter.Possible values: [Error, Warning, Info, Debug]",
      "InvalidLogLevel(LevelFilterFromStrError)",
      EXIT.badConfiguration,
    );
  try {
    log.update({
      log_path: values.get("log-path") ?? null,
      level: level ?? null,
      show_level: values.has("show-level") ? true : null,
    });
  } catch (error) {
    throw new MainError(
      `Could not initialize logger: Failed to open target file: ${osError(error)}`,
      `LoggerInitialization(LoggerUpdateError(${osErrorDebug(error)}))`,
    );
  }
}

/** @throws Panic */
function readInput(path: string, at: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Panic(at, `Unable to open or read from the ${what}: ${osErrorDebug(error)}`);
  }
}

/** @throws Panic */
function addMetadata(values: Values, vmm: Vmm): void {
  const path = values.get("metadata");
  if (path === undefined) return;
  const text = readInput(path, "src/firecracker/src/main.rs:393:20", "mmds content file");
  vmm.mmds.put(decode(any, Buffer.from(text)));
  log.info("Successfully added metadata to mmds from file");
}

function openMetrics(vmm: Vmm, path: string): void {
  try {
    vmm.metrics.open(path);
  } catch (error) {
    throw new MainError(
      `Could not initialize metrics: Cannot initialize the metrics system due to bad user input: ${osError(error)}`,
      `MetricsInitialization(InitializationFailure(${osErrorDebug(error)}))`,
    );
  }
}

function makeVmm(values: Values, life: Life): Vmm {
  const { faults } = settings;
  const payload = values.get("http-api-max-payload-size") ?? "";
  return new Vmm({
    id: log.id,
    traits,
    log,
    guest: makeGuest(settings),
    pciEnabled: values.has("enable-pci"),
    mmdsSizeLimit: Number(values.get("mmds-size-limit") ?? payload),
    beforeStart: () => {
      if (faults.has("start-exits")) process.exit(faultNumber(faults, "start-exits", 1));
      return REFUSALS[faults.get("start-refused") ?? ""];
    },
    afterStart: (vmm) => life.started(vmm),
    deafAfterResume: traits.deafAfterResume || faults.has("deaf-after-resume"),
  });
}

async function run(values: Values): Promise<void> {
  const { faults } = settings;
  const life = new Life(log, faults);
  const vmm = makeVmm(values, life);
  life.watch(vmm);
  const metricsPath = values.get("metrics-path");
  if (metricsPath !== undefined) openMetrics(vmm, metricsPath);
  const configPath = values.get("config-file");
  const config =
    configPath === undefined
      ? undefined
      : readInput(configPath, "src/firecracker/src/main.rs:388:20", "configuration file");
  if (faults.has("exit-before-bind")) {
    process.stderr.write("Error: SeccompFilter(stand-in: asked to fail)\n");
    process.exit(faultNumber(faults, "exit-before-bind", 1));
  }
  if (faults.has("never-bind")) setInterval(() => {}, 60_000);
  else if (!values.has("no-api")) await serve(values, vmm);
  addMetadata(values, vmm);
  if (config !== undefined) await configureFromFile(vmm, config, values.has("no-api"));
}

async function serve(values: Values, vmm: Vmm): Promise<void> {
  const failed = new MainError(
    "RunWithApiError error: Failed to build MicroVM: Loading snapshot failed..",
    "RunWithApi(BuildMicroVmError(Restore))",
  );
  const handler = new Handler(vmm);
  const server = new ApiServer(
    { maxPayload: Number(values.get("http-api-max-payload-size")), withDelete: traits.since116 },
    faultyHandler(
      (request) => handler.handle(request),
      settings.faults,
      () => filterViolated(vmm),
    ),
    () => finish(log, failed),
  );
  await serveApi(server, values.get("api-sock") ?? "", log);
}

async function main(): Promise<void> {
  const values = parseArguments(process.argv.slice(2));
  if (printed(values)) finish(log, undefined);
  log.id = checkedInstanceId(values.get("id") ?? "");
  configureLog(values);
  log.info(`Running Firecracker v${traits.version}`);
  await run(values);
}

main().catch((error: unknown) => finish(log, error));
