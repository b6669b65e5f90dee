// The client of Firecracker's API against the stand-in, which is exact in what it answers (test/fakes/firecracker/README.md).
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { flushMetrics, sendCtrlAltDel, startInstance } from "../../src/vm/firecracker/api/actions.ts";
import { FirecrackerApi } from "../../src/vm/firecracker/api/api.ts";
import {
  getBalloon,
  getBalloonStatistics,
  patchBalloon,
  patchBalloonStatistics,
  putBalloon,
} from "../../src/vm/firecracker/api/balloon.ts";
import { putBootSource } from "../../src/vm/firecracker/api/boot-source.ts";
import { ApiConnection } from "../../src/vm/firecracker/api/connection.ts";
import { describeInstance } from "../../src/vm/firecracker/api/describe.ts";
import { patchDrive, putDrive } from "../../src/vm/firecracker/api/drives.ts";
import { putEntropy } from "../../src/vm/firecracker/api/entropy.ts";
import { putLogger } from "../../src/vm/firecracker/api/logger.ts";
import {
  getMachineConfig,
  patchMachineConfig,
  putMachineConfig,
} from "../../src/vm/firecracker/api/machine-config.ts";
import { putMetrics } from "../../src/vm/firecracker/api/metrics.ts";
import { getMmds, patchMmds, putMmds, putMmdsConfig } from "../../src/vm/firecracker/api/mmds.ts";
import {
  patchNetworkInterface,
  putNetworkInterface,
} from "../../src/vm/firecracker/api/network-interfaces.ts";
import { putSerial } from "../../src/vm/firecracker/api/serial.ts";
import { createSnapshot, loadSnapshot } from "../../src/vm/firecracker/api/snapshot.ts";
import { parseVersion } from "../../src/vm/firecracker/api/versions.ts";
import { getVmConfig } from "../../src/vm/firecracker/api/vm-config.ts";
import { pauseVm, resumeVm } from "../../src/vm/firecracker/api/vm.ts";
import { putVsock } from "../../src/vm/firecracker/api/vsock.ts";
import { MetricsReader } from "../../src/vm/firecracker/metrics.ts";
import { apis, closeAll, configured, connected, soon, start } from "./firecracker-rig.ts";

afterEach(closeAll);

describe("every request, in the order of a VM's life", () => {
  test("before the start", async () => {
    const api = await connected(start());
    expect(api.version.text).toBe("1.16.1");
    await putLogger(api, { log_path: "fc.log", level: "Info", show_level: true }, soon());
    await putMetrics(api, { metrics_path: "m.ndjson" }, soon());
    await putSerial(
      api,
      { serial_out_path: "serial", rate_limiter: { size: 65_536, refill_time: 1000 } },
      soon(),
    );
    await putMachineConfig(api, { vcpu_count: 1, mem_size_mib: 128, huge_pages: "None" }, soon());
    await patchMachineConfig(api, { vcpu_count: 2 }, soon());
    expect(await getMachineConfig(api, soon())).toEqual({
      vcpu_count: 2,
      mem_size_mib: 128,
      smt: false,
      track_dirty_pages: false,
      huge_pages: "None",
    });
    const source = { kernel_image_path: "vmlinux", initrd_path: "initrd", boot_args: "console=ttyS0" };
    await putBootSource(api, source, soon());
    const drive = { drive_id: "d0", path_on_host: "disk", is_root_device: false, is_read_only: true };
    await putDrive(api, { ...drive, cache_type: "Unsafe", io_engine: "Sync" }, soon());
    const iface = { iface_id: "eth0", host_dev_name: "tap0", guest_mac: "02:fc:00:00:00:01" };
    await putNetworkInterface(api, { ...iface, mtu: 1400 }, soon());
    await putVsock(api, { guest_cid: 3, uds_path: "v.sock" }, soon());
    await putEntropy(api, {}, soon());
    const balloon = { amount_mib: 8, deflate_on_oom: true, stats_polling_interval_s: 1 };
    await putBalloon(api, balloon, soon());
    expect(await getBalloon(api, soon())).toEqual({
      ...balloon,
      free_page_hinting: false,
      free_page_reporting: false,
    });
    await putMmdsConfig(api, { version: "V2", network_interfaces: ["eth0"] }, soon());
    await putMmds(api, { a: 1, b: { c: 2 } }, soon());
    await patchMmds(api, { b: null, d: "ä" }, soon());
    expect(await getMmds(api, soon())).toEqual({ a: 1, d: "ä" });
    expect(await getVmConfig(api, soon())).toMatchObject({
      "boot-source": source,
      drives: [drive],
      "network-interfaces": [iface],
      vsock: { guest_cid: 3, uds_path: "v.sock" },
    });
    expect(await describeInstance(api, soon())).toEqual({
      id: "vm-1",
      state: "Not started",
      vmm_version: "1.16.1",
    });
  });

  test("on a running VM", async () => {
    const { fake, api } = await configured();
    await putNetworkInterface(api, { iface_id: "eth0", host_dev_name: "tap0" }, soon());
    await putBalloon(api, { amount_mib: 0, deflate_on_oom: true, stats_polling_interval_s: 1 }, soon());
    await putMetrics(api, { metrics_path: "m.ndjson" }, soon());
    await startInstance(api, soon());
    expect((await describeInstance(api, soon())).state).toBe("Running");

    await patchDrive(api, { drive_id: "d0", path_on_host: "disk2" }, soon());
    const limiter = { bandwidth: { size: 1_000_000, refill_time: 100 } };
    await patchNetworkInterface(api, { iface_id: "eth0", rx_rate_limiter: limiter }, soon());
    await patchBalloon(api, { amount_mib: 16 }, soon());
    expect(await getBalloonStatistics(api, soon())).toMatchObject({ target_mib: 16 });
    await patchBalloonStatistics(api, { stats_polling_interval_s: 2 }, soon());

    const reader = new MetricsReader();
    const flush = async (): Promise<void> => {
      await flushMetrics(api, soon());
      reader.push(readFileSync(join(fake.folder, "m.ndjson")));
    };
    expect((await reader.readNow(flush, soon())).disks).toMatchObject([{ name: "vda" }]);
    await sendCtrlAltDel(api, soon());

    await pauseVm(api, soon());
    await pauseVm(api, soon());
    expect((await describeInstance(api, soon())).state).toBe("Paused");
    await createSnapshot(api, { snapshot_type: "Full", snapshot_path: "s", mem_file_path: "m" }, soon());
    expect(existsSync(join(fake.folder, "s"))).toBe(true);
    await resumeVm(api, soon());

    const clone = await connected(start());
    const [s, m, v] = ["s", "m", "clone.sock"].map((name) => join(fake.folder, name));
    await loadSnapshot(
      clone,
      {
        snapshot_path: s ?? "",
        mem_backend: { backend_type: "File", backend_path: m ?? "" },
        vsock_override: { uds_path: v ?? "" },
        network_overrides: [{ iface_id: "eth0", host_dev_name: "tap1" }],
        resume_vm: true,
      },
      soon(),
    );
    expect((await describeInstance(clone, soon())).state).toBe("Running");
  });
});

describe("what Firecracker refuses", () => {
  test("before and after the start", async () => {
    const { api } = await configured();
    await expect(pauseVm(api, soon())).rejects.toMatchObject({ code: "BAD_STATE", phase: "PATCH /vm" });
    await startInstance(api, soon());
    await expect(putEntropy(api, {}, soon())).rejects.toMatchObject({ code: "BAD_STATE" });
    await expect(startInstance(api, soon())).rejects.toMatchObject({ code: "BAD_STATE", status: 400 });
    const snapshot = { snapshot_path: "s", mem_file_path: "m" };
    await expect(createSnapshot(api, snapshot, soon())).rejects.toThrow(
      "of a paused VM only: pause it first",
    );
  });

  test("files that are not there, by name", async () => {
    const { api } = await configured();
    await expect(putBootSource(api, { kernel_image_path: "no" }, soon())).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: "cannot open the guest kernel no: no such file or directory: name another with --vm-kernel",
      log: expect.stringContaining("Firecracker said: Boot source error: The kernel file cannot be opened"),
    });
    const drive = { drive_id: "d1", path_on_host: "no", is_root_device: false };
    await expect(putDrive(api, drive, soon())).rejects.toThrow("cannot open the disk no: no such file");
    await expect(putVsock(api, { guest_cid: 3, uds_path: "disk" }, soon())).rejects.toThrow(
      "the vsock socket disk exists already",
    );
  });

  test.each([
    ["no-kvm", "UNSUPPORTED", "/dev/kvm does not exist"],
    ["kvm-permission", "UNSUPPORTED", "may not open /dev/kvm"],
    ["no-virtualization", "UNSUPPORTED", "no hardware virtualisation"],
    ["kvm-busy", "HOST", "another hypervisor"],
    ["kvm-capability", "UNSUPPORTED", "(capabilities 0x4b)"],
    ["no-memory", "HOST", "not enough memory for the VM"],
    ["initrd-too-big", "BAD_CONFIG", "the initramfs does not fit"],
    ["too-many-devices", "UNSUPPORTED", "more devices than Firecracker can attach"],
  ])("the start: %s", async (cause, code, message) => {
    const { api } = await configured({ NK_FAKE_FC_FAULT: `start-refused:${cause}` });
    const refused = startInstance(api, soon());
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect((await describeInstance(api, soon())).state).toBe("Not started");
  });

  test("a body that is too large: the next request is on a new connection", async () => {
    const api = await connected(start());
    await expect(putMmds(api, { x: "y".repeat(60_000) }, soon())).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringContaining("takes no request of that size"),
    });
    expect((await describeInstance(api, soon())).state).toBe("Not started");
  });

  test("a load of what is no snapshot, and ends", async () => {
    const fake = start();
    const api = await connected(fake);
    const load = {
      snapshot_path: "text",
      mem_backend: { backend_type: "File", backend_path: "disk" },
    } as const;
    await expect(loadSnapshot(api, load, soon())).rejects.toThrow(
      "the snapshot text was not made by a Firecracker like this one (1.16.1)",
    );
    expect(await fake.end()).toMatchObject({ code: 1 });
    await expect(describeInstance(api, soon())).rejects.toMatchObject({ code: "VMM", status: undefined });
  });
});

describe("versions", () => {
  test("a field that is too new is refused before it is sent, and named when Firecracker refuses it", async () => {
    const fake = start({ NK_FAKE_FC_VERSION: "1.14.4" });
    const api = await connected(fake);
    const iface = { iface_id: "eth0", host_dev_name: "tap0", mtu: 1400 };
    await expect(putNetworkInterface(api, iface, soon())).rejects.toThrow(
      "mtu needs Firecracker 1.16 or later, found 1.14.4",
    );
    const misled = new FirecrackerApi(new ApiConnection(fake.socketPath), parseVersion("1.16.0"));
    apis.push(misled);
    await expect(putNetworkInterface(misled, iface, soon())).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("does not know the field mtu"),
    });
  });

  test("1.17 takes what it has more", async () => {
    const api = await connected(start({ NK_FAKE_FC_VERSION: "1.17.0-dev" }));
    await putMachineConfig(api, { vcpu_count: 1, mem_size_mib: 128, huge_pages: "Transparent" }, soon());
    expect((await getMachineConfig(api, soon())).huge_pages).toBe("Transparent");
  });
});
