import { readFileSync } from "node:fs";
import { basename, isAbsolute } from "node:path";
import { NkError } from "../base/errors.ts";
import { findProgram, isProgram } from "../host/programs.ts";
import { hostRuntimeRoot } from "../state/paths.ts";
import type { HostRecord } from "../state/record.ts";

/** Callers such as podman give no PATH. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What the choice depends on, given for tests. */
export interface RuntimeHost {
  path: string;
  /** Controllers of the cgroup v2 hierarchy that stands beside v1 ones; "" where there is none. */
  hybridControllers: string;
}

/**
 * The runtime for container mode. runc comes first: its options and messages are the ones that callers know. crun is taken when it is
 * asked for or runc is missing, unless it would refuse this host.
 * @param root of the containers' state.
 */
export function chooseHostRuntime(
  asked: string | undefined,
  root: string,
  host: RuntimeHost = thisHost(),
): HostRecord {
  if (asked !== undefined) return named(asked, root, host);
  const runc = findProgram("runc", host.path);
  if (runc !== undefined)
    return record(runc, root, "runc is installed; its options and messages are passed on as they are");
  const crun = findProgram("crun", host.path);
  if (crun === undefined) {
    throw new NkError(
      "HOST",
      `container mode needs runc or crun, found neither in ${host.path}: install one (apt-get install runc)`,
    );
  }
  refuseHybrid(crun, host);
  return record(crun, root, "runc is not installed");
}

/** runc or crun by the name of its file: they differ in a few options. */
export function isCrun(runtime: string): boolean {
  return basename(runtime).startsWith("crun");
}

function named(asked: string, root: string, host: RuntimeHost): HostRecord {
  const found = isAbsolute(asked) ? asked : findProgram(asked, host.path);
  if (found === undefined || !isProgram(found)) {
    throw new NkError(
      "HOST",
      `no such runtime for container mode: ${asked} (looked in ${host.path}): name runc, crun or a path`,
    );
  }
  if (isCrun(found)) refuseHybrid(found, host);
  return record(found, root, "it was asked for");
}

/** crun since 1.0: "cgroups in hybrid mode not supported, drop all controllers from cgroupv2". */
function refuseHybrid(crun: string, { hybridControllers }: RuntimeHost): void {
  if (hybridControllers === "") return;
  throw new NkError(
    "HOST",
    `${crun} does not run on this host: cgroup v2 (/sys/fs/cgroup/unified) has the controllers "${hybridControllers}" beside cgroup v1: install runc (apt-get install runc)`,
  );
}

function record(runtime: string, root: string, reason: string): HostRecord {
  return { runtime, root: hostRuntimeRoot(root, basename(runtime)), reason };
}

function thisHost(): RuntimeHost {
  return { path: process.env["PATH"] ?? DEFAULT_PATH, hybridControllers: readHybridControllers() };
}

function readHybridControllers(): string {
  try {
    return readFileSync("/sys/fs/cgroup/unified/cgroup.controllers", "utf8").trim();
  } catch {
    return "";
  }
}
