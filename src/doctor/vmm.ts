import { existsSync } from "node:fs";
import { asNkError } from "../base/errors.ts";
import { fail, notChecked, ok, warn, type Finding } from "../host/finding.ts";
import { loadDriver, VMM_NAMES } from "../vm/drivers.ts";
import { hostTscKhz } from "../vm/host-tsc.ts";
import type { VmmCheck } from "../vm/vmm-doctor.ts";
import type { Check } from "./check.ts";
import type { Context } from "./context.ts";

export const IN_FORCE: Check = { group: "VM", name: "VMM in force", modes: ["vm"], run: inForce };

/** How guests are run. */
export const GUEST_CHECKS: readonly Check[] = [
  { group: "VM", name: "acceleration", modes: ["vm"], run: acceleration },
  { group: "VM", name: "clock", modes: [], run: clock },
  { group: "VM", name: "vsock", modes: [], run: vsock },
];

/** What each VMM needs, that which runs everywhere first. */
export async function checksOfVmms(group: VmmCheck["group"]): Promise<readonly Check[]> {
  const drivers = await Promise.all(VMM_NAMES.toReversed().map(loadDriver));
  const doctors = await Promise.all(drivers.map((driver) => driver.doctor()));
  const checks = doctors.flatMap((doctor) => doctor.checks).filter((check) => check.group === group);
  return checks.map((check) => ({
    group,
    name: check.name,
    modes: check.isNeeded ? ["vm"] : [],
    run: async (context) => check.run(await context.question()),
  }));
}

/** What `auto` takes, and why; or why what was asked for cannot be had. */
async function inForce({ settled, image, settings }: Context): Promise<Finding> {
  try {
    return ok((await settled()).reasons.vmm);
  } catch (error) {
    if (await isMissing(image())) return notChecked("guest image");
    const mend =
      settings.vmm === "auto" ? "see the message" : "--vm-vmm=auto takes another where this one cannot run";
    return fail(asNkError(error).message, mend);
  }
}

const isMissing = (thing: Promise<unknown>): Promise<boolean> =>
  thing.then(
    () => false,
    () => true,
  );

async function acceleration({ driver, question }: Context): Promise<Finding> {
  const doctor = await (await driver()).doctor();
  return doctor.acceleration(await question());
}

function clock(): Finding {
  const khz = hostTscKhz();
  if (khz !== undefined)
    return ok(`the host's counter runs at ${Math.round(khz / 1000)} MHz; emulated guests are told so`);
  return warn(
    "the rate of the host's counter is not known: an emulated guest must measure it, which can hang on a busy host",
    "sysctl -w kernel.dmesg_restrict=0, if the kernel's log may be read by all",
  );
}

function vsock(): Finding {
  const devices = ["/dev/vhost-vsock", "/dev/vsock"].filter((path) => existsSync(path));
  const found = devices.length === 0 ? "no device" : devices.join(", ");
  return ok(`${found}; only --vm-share=9p-vsock on QEMU needs /dev/vhost-vsock, Firecracker needs neither`);
}
