import { MainError } from "./exit.ts";
import { Fault } from "./http/fault.ts";
import type { Method } from "./http/request.ts";
import { route } from "./api/route.ts";
import type { Json } from "./serde/decode.ts";
import type { Vmm } from "./vmm.ts";

/** The members that are taken, in order; others are passed over, as Firecracker does. */
const MEMBERS: readonly [string, Method, string, string?][] = [
  ["logger", "PUT", "/logger"],
  ["metrics", "PUT", "/metrics"],
  ["machine-config", "PUT", "/machine-config"],
  ["cpu-config", "PUT", "/cpu-config"],
  ["boot-source", "PUT", "/boot-source"],
  ["drives", "PUT", "/drives", "drive_id"],
  ["network-interfaces", "PUT", "/network-interfaces", "iface_id"],
  ["pmem", "PUT", "/pmem", "id"],
  ["vsock", "PUT", "/vsock"],
  ["balloon", "PUT", "/balloon"],
  ["mmds-config", "PUT", "/mmds/config"],
  ["entropy", "PUT", "/entropy"],
  ["memory-hotplug", "PUT", "/hotplug/memory"],
];

/** Configures and starts the VM of --config-file. @throws MainError */
export async function configureFromFile(vmm: Vmm, text: string, noApi: boolean): Promise<void> {
  const failed = (what: string, kind: string) => (error: unknown) => {
    if (!(error instanceof Fault) && !(error instanceof SyntaxError)) return error;
    const [run, build] = noApi
      ? ["RunWithoutApiError", "BuildMicroVMFromJson"]
      : ["RunWithApi", "BuildFromJson"];
    const title = noApi ? "RunWithoutApiError error" : "RunWithApiError error";
    return new MainError(
      `${title}: Failed to build MicroVM from Json: ${what}: ${error.message}`,
      `${run}(${build}(${kind}(${error instanceof Fault ? (error.rustDebug ?? error.message) : "InvalidJson"})))`,
    );
  };
  await attempt(
    configure(vmm, text),
    failed("Configuration for VMM from one single json failed", "ParseFromJson"),
  );
  await attempt(vmm.start(), failed("Could not Start MicroVM from one single json", "StartMicroVM"));
  vmm.log.info("Successfully started microvm that was configured from one single json");
}

async function attempt(work: Promise<void>, wrapped: (error: unknown) => unknown): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw wrapped(error);
  }
}

async function configure(vmm: Vmm, text: string): Promise<void> {
  const config = JSON.parse(text) as Record<string, Json>;
  for (const [member, method, path, idMember] of MEMBERS) {
    const value = config[member];
    if (value === undefined || value === null) continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      const id = idMember === undefined ? "" : `/${(item as Record<string, string>)[idMember]}`;
      const request = { method, path: `${path}${id}`, body: Buffer.from(JSON.stringify(item)) };
      await route(request, vmm.traits).act(vmm);
    }
  }
}
