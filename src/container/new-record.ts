import { userInfo } from "node:os";
import type { ContainerRecord } from "../state/record.ts";
import type { CreateRequest } from "./container-mode.ts";

/** The record of a container that is about to be created. */
export function newRecord(request: CreateRequest): ContainerRecord {
  const { id, bundle, settings } = request;
  return {
    version: 1,
    id,
    mode: settings.mode,
    status: "creating",
    pid: 0,
    pidStartTime: 0,
    ociVersion: bundle.config.ociVersion,
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    annotations: bundle.config.annotations ?? {},
    owner: ownerName(),
  };
}

/** "" for a user id without a name. */
function ownerName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}
