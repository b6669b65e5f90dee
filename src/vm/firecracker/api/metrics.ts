import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

export interface MetricsFile {
  /** A file or FIFO for lines of JSON; made when missing, in a folder that exists. */
  metrics_path: string;
}

/** PUT /metrics, before the start, once. A line comes at the start, every 60 s, on `flushMetrics` and at the end; ../metrics.ts reads them. */
export function putMetrics(api: FirecrackerApi, file: MetricsFile, deadline: Deadline): Promise<void> {
  return api.put("/metrics", file, "the VMM counts what its devices do", deadline);
}
