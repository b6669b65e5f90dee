import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

/** Memory that the guest gives back. */
export interface Balloon {
  /** At most the VM's memory. */
  amount_mib: number;
  /** The guest may take from it before it kills a process for lack of memory. */
  deflate_on_oom: boolean;
  /** Seconds; 0 for no statistics. Cannot be turned on or off while the VM runs. */
  stats_polling_interval_s?: number;
  /** Free pages are given back when asked. */
  free_page_hinting?: boolean;
  /** Free pages are given back all the time. */
  free_page_reporting?: boolean;
}

const SINCE_THE_LAST = ["swap_in", "swap_out", "major_faults", "minor_faults"] as const;
const BYTES = ["free_memory", "total_memory", "available_memory", "disk_caches"] as const;

/** The guest's word on its memory. Each member of the second part may be missing: not every kernel tells all. */
export type BalloonStatistics = Record<"target_mib" | "actual_mib", number> &
  Partial<Record<(typeof SINCE_THE_LAST)[number] | (typeof BYTES)[number], number>>;

/** PUT /balloon, before the start, and after the memory was set. */
export function putBalloon(api: FirecrackerApi, balloon: Balloon, deadline: Deadline): Promise<void> {
  return api.put("/balloon", balloon, "memory that the guest can give back", deadline);
}

/** PATCH /balloon, while the VM runs. The guest gives memory back as fast as it can. */
export function patchBalloon(
  api: FirecrackerApi,
  change: Pick<Balloon, "amount_mib">,
  deadline: Deadline,
): Promise<void> {
  return api.patch("/balloon", change, "how much memory the guest gives back", deadline);
}

/** GET /balloon @throws NOT_FOUND when the VM has none */
export async function getBalloon(api: FirecrackerApi, deadline: Deadline): Promise<Required<Balloon>> {
  const answer = await api.get("/balloon", "how much memory does the guest give back?", deadline);
  return {
    amount_mib: answer.count("amount_mib"),
    deflate_on_oom: answer.flag("deflate_on_oom"),
    stats_polling_interval_s: answer.count("stats_polling_interval_s"),
    free_page_hinting: answer.flag("free_page_hinting"),
    free_page_reporting: answer.flag("free_page_reporting"),
  };
}

/** GET /balloon/statistics, while the VM runs with a polling interval. */
export async function getBalloonStatistics(
  api: FirecrackerApi,
  deadline: Deadline,
): Promise<BalloonStatistics> {
  const answer = await api.get("/balloon/statistics", "what the guest says of its memory", deadline);
  const statistics: BalloonStatistics = {
    target_mib: answer.count("target_mib"),
    actual_mib: answer.count("actual_mib"),
  };
  for (const name of [...SINCE_THE_LAST, ...BYTES]) {
    if (answer.has(name)) statistics[name] = answer.count(name);
  }
  return statistics;
}

/** PATCH /balloon/statistics, while the VM runs: how often the guest is asked. */
export function patchBalloonStatistics(
  api: FirecrackerApi,
  change: Required<Pick<Balloon, "stats_polling_interval_s">>,
  deadline: Deadline,
): Promise<void> {
  return api.patch("/balloon/statistics", change, "how often the guest is asked for its numbers", deadline);
}
