import type { FaultRule } from "./rule.ts";

export const STATE_FAULTS: readonly FaultRule[] = [
  {
    pattern: /not supported before starting the microVM/,
    code: "BAD_STATE",
    says: "Firecracker takes this only once the VM runs",
    mend: "start it first",
  },
  {
    pattern: /not supported after starting the microVM/,
    code: "BAD_STATE",
    says: "Firecracker takes this only before the VM was started",
    mend: "start a new one",
  },
  {
    pattern: /PCI is not enabled/,
    code: "UNSUPPORTED",
    says: "devices of a running VM can be attached and detached only with PCI",
    mend: "attach them before the start",
  },
  {
    pattern: /Failed to open target file|Cannot initialize the metrics system.*\(os error/,
    code: "HOST",
    says: "Firecracker cannot write the file {log_path}{metrics_path}: {os}",
    mend: "see that its folder exists, and that Firecracker's user may write there",
  },
  {
    pattern: /MMDS data store is not initialized/,
    code: "BAD_STATE",
    says: "the VM has no metadata that could be changed",
    mend: "put some first",
  },
  {
    pattern: /Reinitialization of metrics not allowed/,
    code: "BAD_STATE",
    says: "Firecracker has a file for its metrics already",
    mend: "it takes one in its life",
  },
];

/** The requests themselves. */
export const REQUEST_FAULTS: readonly FaultRule[] = [
  {
    pattern: /unknown (?<kind>field|variant) `(?<name>[^`]{1,80})`/,
    code: "UNSUPPORTED",
    says: "Firecracker {version} does not know the {kind} {name}",
    mend: "it is too old or too new: install 1.16.2, or another from 1.14 on",
  },
  {
    pattern: /Invalid request method and\/or path|Unsupported HTTP method/,
    code: "UNSUPPORTED",
    says: "Firecracker {version} does not know this request",
    mend: "it is too old or too new: install 1.16.2, or another from 1.14 on",
  },
  {
    pattern: /Too many open connections/,
    code: "VMM",
    says: "Firecracker's API has ten connections already, and takes no more",
    mend: "end other programs that talk to it",
  },
  {
    pattern: /Request payload with size|MMDS patch request doesn't fit/,
    code: "BAD_CONFIG",
    says: "Firecracker takes no request of that size",
    mend: "make it smaller (51200 bytes, if it was not started with another limit)",
  },
  {
    pattern:
      /deserializing the json body|Empty (PUT|PATCH) request|cannot have a body|The ID cannot be empty|API Resource IDs|does not match the id|^Invalid (request|header|HTTP)/,
    code: "INTERNAL",
    says: "Firecracker did not understand the request",
    mend: "please report it",
  },
];
