import { CGROUP_CHECKS } from "./cgroups.ts";
import type { Check } from "./check.ts";
import { HOST_CHECKS } from "./host.ts";
import { IMAGE_CHECKS } from "./image.ts";
import { LIMIT_CHECKS } from "./limits.ts";
import { NETWORK_CHECKS } from "./network.ts";
import { PRIVILEGE_CHECKS } from "./privileges.ts";
import { RUNTIME_CHECKS } from "./runtime.ts";
import { SHARE_CHECKS } from "./shares.ts";
import { checksOfVmms, GUEST_CHECKS, IN_FORCE } from "./vmm.ts";

/** Everything that `doctor` looks at, in the order in which it is shown. */
export async function allChecks(): Promise<readonly Check[]> {
  return [
    ...HOST_CHECKS,
    ...PRIVILEGE_CHECKS,
    ...CGROUP_CHECKS,
    IN_FORCE,
    ...(await checksOfVmms("VM")),
    ...GUEST_CHECKS,
    ...IMAGE_CHECKS,
    ...SHARE_CHECKS,
    ...(await checksOfVmms("shares")),
    ...NETWORK_CHECKS,
    ...RUNTIME_CHECKS,
    ...LIMIT_CHECKS,
  ];
}
