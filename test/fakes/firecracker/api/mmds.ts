import { RequestFault } from "../http/fault.ts";
import { mmdsConfig } from "../resources/mmds.ts";
import { any } from "../serde/decode.ts";
import { always, configures, parse, type Action } from "./action.ts";

export function getMmds(): Action {
  return always((vmm) => vmm.mmds.json());
}

export function putMmds(body: Buffer, rest: string | undefined): Action {
  if (rest === "config") return putMmdsConfig(body);
  if (rest !== undefined) throw RequestFault.generic(`Unrecognized PUT request path \`${rest}\`.`);
  const value = parse(any, body);
  return always((vmm) => vmm.mmds.put(value));
}

function putMmdsConfig(body: Buffer): Action {
  const config = parse(mmdsConfig, body);
  const action = configures((vmm) => vmm.mmds.configure(config, (id) => vmm.interfaces.has(id)));
  return config.version === "V2"
    ? action
    : { ...action, deprecated: "PUT /mmds/config: V1 is deprecated. Use V2 instead." };
}

export function patchMmds(body: Buffer): Action {
  const value = parse(any, body);
  return always((vmm) => vmm.mmds.patch(value));
}
