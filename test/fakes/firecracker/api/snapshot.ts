import { RequestFault } from "../http/fault.ts";
import {
  bool,
  list,
  oneOf,
  optional,
  otherwise,
  path,
  required,
  struct,
  text,
  type Fields,
} from "../serde/decode.ts";
import { SerdeError } from "../serde/reader.ts";
import { createSnapshot, loadSnapshot, type LoadParams } from "../snapshot.ts";
import type { Traits } from "../version.ts";
import { after, before, parse, unreadable, type Action } from "./action.ts";

const createParams = struct("CreateSnapshotParams", {
  snapshot_type: otherwise(oneOf(["Diff", "Full"]), "Full"),
  snapshot_path: required(path),
  mem_file_path: required(path),
});

const memBackend = struct("MemBackendConfig", {
  backend_path: required(path),
  backend_type: required(oneOf(["File", "Uffd"])),
});
const networkOverride = struct(
  "NetworkOverride",
  { iface_id: required(text), host_dev_name: required(text) },
  "open",
);
const vsockOverride = struct("VsockOverride", { uds_path: required(text) }, "open");

function loadDecoder({ since116 }: Traits) {
  const later: Fields = since116
    ? { vsock_override: optional(vsockOverride), clock_realtime: otherwise(bool, false) }
    : {};
  return struct("LoadSnapshotConfig", {
    snapshot_path: required(path),
    mem_file_path: optional(path),
    mem_backend: optional(memBackend),
    enable_diff_snapshots: otherwise(bool, false),
    track_dirty_pages: otherwise(bool, false),
    resume_vm: otherwise(bool, false),
    network_overrides: otherwise(list(networkOverride), []),
    ...later,
  });
}

export function putSnapshot(traits: Traits, body: Buffer, kind: string | undefined): Action {
  if (kind === "create") return create(body);
  if (kind === "load") return load(traits, body);
  if (kind === undefined) throw RequestFault.generic("Missing snapshot operation type.");
  throw new RequestFault(
    `Invalid request method and/or path: PUT /snapshot/${kind}.`,
    `InvalidPathMethod("/snapshot/${kind}", Put)`,
  );
}

function create(body: Buffer): Action {
  const params = parse(createParams, body);
  const timed = params.snapshot_type === "Full" ? "create full snapshot" : "create diff snapshot";
  return { ...after((vmm) => createSnapshot(vmm, params.snapshot_path, params.mem_file_path)), timed };
}

function load(traits: Traits, body: Buffer): Action {
  const config = parse(loadDecoder(traits), body) as ReturnType<ReturnType<typeof loadDecoder>> & {
    vsock_override?: { uds_path: string } | null;
  };
  const { mem_backend: backend, mem_file_path: file } = config;
  if (backend === null && file === null)
    throw unreadable(new SerdeError("missing field: either `mem_backend` or `mem_file_path` is required"));
  if (backend !== null && file !== null)
    throw unreadable(
      new SerdeError("too many fields: either `mem_backend` or `mem_file_path` exclusively is required"),
    );
  const params: LoadParams = {
    snapshotPath: config.snapshot_path,
    memoryPath: backend?.backend_path ?? file ?? "",
    resume: config.resume_vm,
    vsockPath: config.vsock_override?.uds_path,
  };
  const action = { ...before((vmm) => loadSnapshot(vmm, params)), timed: "load snapshot" };
  return file === null
    ? action
    : { ...action, deprecated: "PUT /snapshot/load: mem_file_path field is deprecated." };
}
