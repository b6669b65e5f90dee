import { CGROUP_CHECKS } from "./cgroups.ts";
import type { Check } from "./check.ts";
import { FIRECRACKER_CHECKS } from "./firecracker.ts";
import { HOST_CHECKS } from "./host.ts";
import { IMAGE_CHECKS } from "./image.ts";
import { LIMIT_CHECKS } from "./limits.ts";
import { PRIVILEGE_CHECKS } from "./privileges.ts";
import { RUNTIME_CHECKS } from "./runtime.ts";
import { SHARE_CHECKS } from "./shares.ts";
import { VMM_CHECKS } from "./vmm.ts";

/** Everything that `doctor` looks at, in the order in which it is shown. */
export const CHECKS: readonly Check[] = [
  ...HOST_CHECKS,
  ...PRIVILEGE_CHECKS,
  ...CGROUP_CHECKS,
  ...VMM_CHECKS,
  ...FIRECRACKER_CHECKS,
  ...IMAGE_CHECKS,
  ...SHARE_CHECKS,
  ...RUNTIME_CHECKS,
  ...LIMIT_CHECKS,
];
