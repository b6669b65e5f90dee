import type { GuestImage } from "../image/guest-image.ts";
import type { FeatureName } from "../image/kernel-features.ts";
import { needsVolumes } from "../launch/disk-root.ts";
import { wishOf } from "../launch/wish.ts";
import type { Bundle } from "../oci/bundle.ts";
import { refuseForVm } from "../oci/answers.ts";
import { guestConfig } from "../oci/guest-config.ts";
import { GUEST_SHARE, planMounts } from "../oci/guest-mounts.ts";
import type { Settings } from "../oci/settings.ts";
import { settle } from "../vm/choose-vmm.ts";
import { configNeeds } from "../vm/config-needs.ts";
import type { Settled, VmDriver } from "../vm/driver.ts";
import { LAST_RESORT, loadDriver } from "../vm/drivers.ts";
import type { VmmQuestion } from "../vm/vmm-doctor.ts";

/** What the checks are about. */
export interface Context {
  /** Folder of the containers' state. */
  root: string;
  settings: Settings;
  /** What a VM of these settings comes to, settled once. Rejects as `settle` does. */
  settled: () => Promise<Settled>;
  /** The driver of its VMM; where nothing is settled, of the one that was asked for, or of that which runs everywhere. */
  driver: () => Promise<VmDriver>;
  question: () => Promise<VmmQuestion>;
  /** Settings or bundle ask for live folders of the host: bind mounts above all. */
  needsVolumes: boolean;
  /** What VM and bundle ask of the guest's kernel. Rejects with UNSUPPORTED for a bundle that cannot run in a VM. */
  needs: () => Promise<ReadonlyMap<FeatureName, string>>;
  /** The guest image of these settings, found once. Rejects as `resolveGuestImage` does. */
  image: () => Promise<GuestImage>;
}

export function makeContext(root: string, settings: Settings, bundle?: Bundle): Context {
  const needs = needsLive(settings, bundle);
  // Whether runc is there is a question of its own.
  const { image: find, ...wish } = wishOf(
    { ...settings, vmRuntime: "crun" },
    { takesMany: false, needsVolumes: needs },
  );
  const image = once(find);
  const settled = once(() => settle({ ...wish, image }));
  const driver = (): Promise<VmDriver> => driverOf(settings, settled);
  return {
    root,
    settings,
    settled,
    driver,
    question: async () => ({ ...wish, image, inForce: (await driver()).title }),
    needsVolumes: needs || wish.root === "share",
    needs: () => needsOf(settings, settled, bundle),
    image,
  };
}

/** A bundle that cannot run in a VM is told of by `needs`. */
function needsLive({ sync }: Settings, bundle: Bundle | undefined): boolean {
  try {
    return bundle === undefined ? sync : needsVolumes(bundle, sync);
  } catch {
    return sync;
  }
}

async function driverOf({ vmm }: Settings, settled: () => Promise<Settled>): Promise<VmDriver> {
  const fallback = vmm === "auto" ? LAST_RESORT : vmm;
  return loadDriver(
    await settled().then(
      ({ shape }) => shape.vmm,
      () => fallback,
    ),
  );
}

async function needsOf(
  { vmRuntime }: Settings,
  settled: () => Promise<Settled>,
  bundle: Bundle | undefined,
): Promise<ReadonlyMap<FeatureName, string>> {
  if (bundle) {
    refuseForVm(bundle.raw, vmRuntime);
    planMounts(bundle.raw);
  }
  const ofBundle = bundle
    ? configNeeds(guestConfig(bundle.raw, "doctor", GUEST_SHARE, true))
    : new Map<FeatureName, string>();
  const shape = await settled().then(
    (found) => found.shape,
    () => undefined,
  );
  if (shape === undefined) return ofBundle;
  return new Map([...(await loadDriver(shape.vmm)).kernelNeeds(shape), ...ofBundle]);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
