import { Deadline } from "../../src/base/deadline.ts";
import type { FirecrackerApi } from "../../src/vm/firecracker/api/api.ts";
import { putBootSource } from "../../src/vm/firecracker/api/boot-source.ts";
import { putDrive } from "../../src/vm/firecracker/api/drives.ts";
import { putMachineConfig } from "../../src/vm/firecracker/api/machine-config.ts";
import { connectWhenReady } from "../../src/vm/firecracker/api/ready.ts";
import { putVsock } from "../../src/vm/firecracker/api/vsock.ts";
import { FakeFirecracker, makeBootFiles } from "../fixtures/fake-firecracker.ts";

const open: FakeFirecracker[] = [];
export const apis: FirecrackerApi[] = [];
export const soon = (): Deadline => Deadline.after(5000);

export function start(env: Record<string, string> = {}): FakeFirecracker {
  const fake = new FakeFirecracker(["--api-sock", "api.sock", "--id", "vm-1"], env, makeBootFiles);
  open.push(fake);
  return fake;
}

/** As its parent says that it has ended. */
export async function death(fake: FakeFirecracker): Promise<never> {
  const { code, signal } = await fake.ended;
  throw new Error(`Firecracker ended: ${code ?? signal}`);
}

export async function connected(fake: FakeFirecracker): Promise<FirecrackerApi> {
  const api = await connectWhenReady(fake.socketPath, death(fake), soon());
  apis.push(api);
  return api;
}

/** Ready for `startInstance`, with a disk and a way to the guest. */
export async function configured(
  env: Record<string, string> = {},
): Promise<{ fake: FakeFirecracker; api: FirecrackerApi }> {
  const fake = start(env);
  const api = await connected(fake);
  await putMachineConfig(api, { vcpu_count: 1, mem_size_mib: 128 }, soon());
  await putBootSource(api, { kernel_image_path: "vmlinux", boot_args: "quiet" }, soon());
  await putDrive(api, { drive_id: "d0", path_on_host: "disk", is_root_device: false }, soon());
  await putVsock(api, { guest_cid: 3, uds_path: "v.sock" }, soon());
  return { fake, api };
}

/** After each test. */
export async function closeAll(): Promise<void> {
  for (const api of apis.splice(0)) api.close();
  for (const fake of open.splice(0)) await fake.close();
}
