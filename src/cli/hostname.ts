/** HOST_NAME_MAX of Linux. */
const MAX_HOSTNAME = 64;

/** What a name may be as a host's. */
export function hostnameFrom(name: string): string {
  const allowed = name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
  return allowed.slice(0, MAX_HOSTNAME).replaceAll(/^-+|-+$/g, "") || "container";
}
