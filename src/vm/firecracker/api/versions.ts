import { NkError } from "../../../base/errors.ts";

/** A release of Firecracker. "1.17.0-dev", the main branch before 1.17, counts as 1.17.0. */
export interface FirecrackerVersion {
  /** As Firecracker says it. */
  text: string;
  major: number;
  minor: number;
  patch: number;
}

/** First with /serial, and with log files that are made when missing. */
export const MIN_VERSION = "1.14.0";

const FIND_PHASE = "check the VMM's version";

/** @throws UNSUPPORTED for what is no version */
export function parseVersion(text: string): FirecrackerVersion {
  const [, major, minor, patch] = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:-[\w.-]+)?$/.exec(text) ?? [];
  if (major !== undefined) return { text, major: Number(major), minor: Number(minor), patch: Number(patch) };
  const found = JSON.stringify(text.slice(0, 80));
  throw new NkError("UNSUPPORTED", `expected a version of Firecracker like 1.16.1, found ${found}`, {
    phase: FIND_PHASE,
  });
}

/** @param since "1.16" or "1.16.1" */
export function isAtLeast(version: FirecrackerVersion, since: string): boolean {
  const [major = 0, minor = 0, patch = 0] = since.split(".").map(Number);
  if (version.major !== major) return version.major > major;
  return version.minor === minor ? version.patch >= patch : version.minor > minor;
}

/** @throws UNSUPPORTED for a Firecracker that is too old */
export function checkMinimum(version: FirecrackerVersion): void {
  if (isAtLeast(version, MIN_VERSION)) return;
  throw new NkError(
    "UNSUPPORTED",
    `Firecracker ${version.text} is too old: ${MIN_VERSION} or later is needed, 1.16.2 or later is best`,
    { phase: FIND_PHASE },
  );
}

interface Gate {
  path: string;
  field: string;
  /** Where only this value of the field is new. */
  value?: string;
  since: string;
}

/** Firecracker refuses what it does not know: CHANGELOG.md of Firecracker, for what came after `MIN_VERSION`. */
const GATES: readonly Gate[] = [
  { path: "/serial", field: "rate_limiter", since: "1.16" },
  { path: "/network-interfaces/", field: "mtu", since: "1.16" },
  { path: "/snapshot/load", field: "vsock_override", since: "1.16" },
  { path: "/snapshot/load", field: "clock_realtime", since: "1.16" },
  { path: "/snapshot/load", field: "huge_pages", since: "1.17" },
  { path: "/machine-config", field: "huge_pages", value: "Transparent", since: "1.17" },
];

/** @throws UNSUPPORTED when `body` has a member that this Firecracker does not know */
export function checkFields(version: FirecrackerVersion, path: string, body: object): void {
  const members = body as Record<string, unknown>;
  const gate = GATES.find(
    ({ path: start, field, value, since }) =>
      path.startsWith(start) &&
      members[field] !== undefined &&
      (value === undefined || members[field] === value) &&
      !isAtLeast(version, since),
  );
  if (gate === undefined) return;
  const { field, value, since } = gate;
  const what = value === undefined ? field : `${field}=${value}`;
  throw new NkError(
    "UNSUPPORTED",
    `${what} needs Firecracker ${since} or later, found ${version.text}: install a newer one, or do without`,
    { phase: path },
  );
}

/** What goes wrong with a release, and when. */
export interface KnownFault {
  after: "start" | "pause" | "restore";
  /** One line for people. */
  message: string;
}

/** Numbers are those of Firecracker's issues. `fixedIn` is the first release without the fault. */
const FAULTS: readonly (KnownFault & { since: string; fixedIn: string })[] = [
  {
    since: MIN_VERSION,
    fixedIn: "1.16.2",
    after: "start",
    message: "a guest may reach memory of the VMM through its vsock device (CVE-2026-122192)",
  },
  {
    since: "1.14.0",
    fixedIn: "1.15.0",
    after: "restore",
    message: "connections to the guest may get a port that is in use (#5688)",
  },
  {
    since: "1.16.0",
    fixedIn: "1.16.1",
    after: "restore",
    message: "what the guest sends over vsock is lost (#5969)",
  },
  {
    since: "1.16.0",
    fixedIn: "1.16.2",
    after: "pause",
    message: "what the host sends over vsock is lost (#6074)",
  },
];

/** The faults that a release is known to have; 1.16.2 has none of them. */
export function knownFaults(version: FirecrackerVersion): KnownFault[] {
  return FAULTS.filter(({ since, fixedIn }) => isAtLeast(version, since) && !isAtLeast(version, fixedIn)).map(
    ({ after, message }) => ({ after, message }),
  );
}

/** Whether the guest is out of reach for good once the VM was paused and resumed: then it must not be paused. */
export function pauseBreaksVsock(version: FirecrackerVersion): boolean {
  return knownFaults(version).some(({ after }) => after === "pause");
}
