import { NkError } from "../base/errors.ts";
import { diskFormatsOf } from "./disk-format.ts";
import { describeLack, REQUIRED_FEATURES } from "./kernel-features.ts";
import type { FeatureName, Lack } from "./kernel-features.ts";
import type { KernelImage } from "./kernel.ts";
import { modulesPlaces } from "./modules.ts";

interface Kernel {
  path: string;
  release: string;
  lacks: readonly Lack[];
}

/** The kinds of share that a kernel can mount, as far as one can tell. */
export function sharesOf({ lacks }: Pick<Kernel, "lacks">): KernelImage["shares"] {
  const kinds = ["virtiofs", "9p"] as const;
  return kinds.filter((kind) => !lacks.some(({ feature }) => feature === kind));
}

/** @throws BAD_CONFIG when no guest of ours can come up on this kernel, with the option that it lacks. */
export function checkGuestKernel(kernel: Kernel & { modules: { dir: string } | undefined }): void {
  const lack = kernel.lacks.find(({ feature }) => REQUIRED_FEATURES.includes(feature));
  const where = kernel.modules === undefined ? noModules(kernel) : `modules: ${kernel.modules.dir}`;
  if (lack !== undefined) throw lackError(kernel, describeLack(lack), where);
  if (sharesOf(kernel).length > 0 || diskFormatsOf(kernel).length > 0) return;
  const both = kernel.lacks.filter(({ feature }) => feature === "virtiofs" || feature === "9p");
  throw lackError(kernel, `has no share: it ${both.map(describeLack).join(" and ")}`, where);
}

/**
 * @param needed features and what asks for each: "linux.seccomp in config.json".
 * @throws BAD_CONFIG when the kernel is known to lack one of them.
 */
export function checkKernelFeatures(kernel: KernelImage, needed: ReadonlyMap<FeatureName, string>): void {
  for (const lack of kernel.lacks) {
    const reason = needed.get(lack.feature);
    if (reason !== undefined)
      throw lackError({ ...kernel, path: kernel.file }, describeLack(lack), `needed by ${reason}`);
  }
}

function lackError({ path, release }: Kernel, lack: string, detail: string): NkError {
  return new NkError("BAD_CONFIG", `the guest kernel ${path} (${release}) ${lack}; ${detail}`, {
    phase: "check the guest kernel",
    see: "docs/guest-kernels.md; scripts/build-kernel.sh makes a kernel that has it, --vm-kernel names it",
  });
}

function noModules({ path, release }: Kernel): string {
  return `no modules were found: looked for ${modulesPlaces(path, release).join(", ")}`;
}
