import { join } from "node:path";
import type { ContainerMode } from "../container/container-mode.ts";
import { loadMode } from "../container/modes.ts";
import type { ContainerRecord } from "../state/record.ts";
import { installRecorder } from "../trace/recorder.ts";
import type { CommandContext } from "./command.ts";

export interface Found {
  container: ContainerRecord;
  mode: ContainerMode;
}

/** The container that the first positional names, with its status as it is now, and its mode. @throws NOT_FOUND */
export async function findContainer({ positionals, store }: CommandContext): Promise<Found> {
  const record = store.read(positionals[0] ?? "");
  const mode = await loadMode(record.mode, store);
  return { container: await mode.refresh(record), mode };
}

/** Like `findContainer`; the steps that follow are added to the container's trace. */
export async function findAndTrace(context: CommandContext): Promise<Found> {
  const found = await findContainer(context);
  installRecorder(join(context.store.dirOf(found.container.id), "trace.jsonl"));
  return found;
}
