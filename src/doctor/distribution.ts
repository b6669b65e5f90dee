import { readText } from "./host-files.ts";

export interface Distribution {
  /** "Debian GNU/Linux 12 (bookworm)" */
  name: string;
  id: string;
  version: number;
}

/** os-release(5) */
export function distribution(
  text = readText("/etc/os-release") || readText("/usr/lib/os-release"),
): Distribution {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}=["']?(.*?)["']?$`, "m").exec(text)?.[1];
  return {
    name: field("PRETTY_NAME") ?? "an unknown distribution",
    id: field("ID") ?? "",
    version: Number(field("VERSION_ID") ?? Number.NaN),
  };
}

/** The package with virtiofsd: part of QEMU's until Debian 12 and Ubuntu 22.04. */
export function virtiofsdPackage({ id, version }: Distribution = distribution()): string {
  const old = (id === "debian" && version <= 12) || (id === "ubuntu" && version <= 22.04);
  return old ? "qemu-system-common" : "virtiofsd";
}
