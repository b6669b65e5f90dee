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
  const kinds = ["virtiofs", "9p", "9p-vsock"] as const;
  return kinds.filter((kind) => !lacks.some(({ feature }) => feature === kind));
}

/** @throws BAD_CONFIG when no guest of ours can come up on this kernel, with the option that it lacks. */
export function checkGuestKernel(kernel: Kernel & { modules: { dir: string } | undefined }): void {
  const lack = kernel.lacks.find(({ feature }) => REQUIRED_FEATURES.includes(feature));
  const modulesHelp = kernel.modules === undefined;
  const where = kernel.modules ? `its modules are in ${kernel.modules.dir}` : noModules(kernel);
  if (lack !== undefined) throw lackError(kernel, describeLack(lack), where, modulesHelp);
  if (sharesOf(kernel).length > 0 || diskFormatsOf(kernel).length > 0) return;
  const both = kernel.lacks.filter(({ feature }) => feature === "virtiofs" || feature === "9p");
  throw lackError(kernel, `has no share: it ${both.map(describeLack).join(" and ")}`, where, modulesHelp);
}

/**
 * @param needed features and what asks for each: "linux.seccomp in config.json".
 * @throws BAD_CONFIG when the kernel is known to lack one of them.
 */
export function checkKernelFeatures(kernel: KernelImage, needed: ReadonlyMap<FeatureName, string>): void {
  for (const lack of kernel.lacks) {
    const reason = needed.get(lack.feature);
    if (reason === undefined) continue;
    const named = { ...kernel, path: kernel.file };
    throw lackError(named, describeLack(lack), `needed by ${reason}`, lack.onlyModuleMissing === true);
  }
}

function lackError({ path, release }: Kernel, lack: string, detail: string, modulesHelp: boolean): NkError {
  const mend = `${modulesHelp ? "give it its modules, or " : ""}take another kernel (docs/guest-kernels.md)`;
  const message = `the guest kernel ${path} (${release}) ${lack}; ${detail}: ${mend}`;
  return new NkError("BAD_CONFIG", message, { phase: "check the guest kernel" });
}

function noModules({ path, release }: Kernel): string {
  return `no modules were found: looked for ${modulesPlaces(path, release).join(", ")}`;
}
