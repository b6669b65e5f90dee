import { Fault, RequestFault } from "../http/fault.ts";
import { balloonConfig, balloonStatsUpdate, balloonUpdate, missingDevice } from "../resources/balloon.ts";
import { after, always, configures, parse, type Action } from "./action.ts";

export function getBalloon(rest: readonly string[]): Action {
  const [first, second] = rest;
  if (first === undefined) return always((vmm) => JSON.stringify(vmm.balloon.get(vmm.started)));
  if (first === "statistics")
    return after((vmm) => JSON.stringify(vmm.balloon.statistics(vmm.machine.mem_size_mib)));
  if (first !== "hinting") throw RequestFault.generic(`Unrecognized GET request path \`${first}\`.`);
  if (second !== "status")
    throw RequestFault.generic(`Unrecognized GET request path \`/hinting/${second ?? ""}\`.`);
  return noHinting();
}

/** No guest of ours does free page hinting. */
function noHinting(): Action {
  return after((vmm) => {
    const { config } = vmm.balloon;
    if (config === undefined) throw new Fault(missingDevice("Balloon update error"));
    throw new Fault("Balloon update error: Balloon: Free page hinting is not enabled.");
  });
}

export function putBalloon(body: Buffer): Action {
  const config = parse(balloonConfig, body);
  return configures((vmm) => vmm.balloon.set(config, vmm.machine.mem_size_mib));
}

export function patchBalloon(body: Buffer | undefined, rest: readonly string[]): Action {
  const [first, second] = rest;
  if (first === "hinting") {
    if (second !== "start" && second !== "stop")
      throw RequestFault.generic(`Unrecognized PATCH request path \`/hinting/${second ?? ""}\`.`);
    return noHinting();
  }
  if (body === undefined) throw RequestFault.generic("Empty PATCH request.");
  if (first === "statistics") {
    const { stats_polling_interval_s: seconds } = parse(balloonStatsUpdate, body);
    return after((vmm) => vmm.balloon.setInterval(seconds));
  }
  const { amount_mib: amount } = parse(balloonUpdate, body);
  return after((vmm) => vmm.balloon.resize(amount, vmm.machine.mem_size_mib));
}
