import { NkError } from "../../base/errors.ts";
import { writeStderr } from "../../base/logger.ts";
import { print } from "../../base/print.ts";
import { resolveSettings } from "../../launch/resolve-settings.ts";
import { settingsFromFiles } from "../../launch/settings-files.ts";
import { fillPool, settleForPool, waitUntilFull } from "../../pool/fill.ts";
import { makePool, writePoolConfig } from "../../pool/pool-config.ts";
import { stopPools } from "../../pool/stop.ts";
import { listPools, type PoolView } from "../../pool/view.ts";
import { fillLog, PoolStore, poolKeys } from "../../state/pool-store.ts";
import { readIfThere } from "../../state/read-if-there.ts";
import type { Command, CommandContext } from "../command.ts";
import { formatOption } from "../options.ts";
import { formatTable } from "../output.ts";
import { settingsFromFlags, POOL_OPTIONS } from "../setting-options.ts";

const MAX_SIZE = 256;

export const vmPool: Command = {
  spec: {
    name: "vm-pool",
    summary: "keep virtual machines that have booted and wait",
    usage: "start|status|fill|stop",
    description: [
      "`start --size N` boots N VMs of the shape that the flags describe, runs a throw-away container in each, and lets them wait.",
      "`create` and `run` take one whose shape is that of the container's VM (--vm-start=auto|cold|pool), and have the next one",
      "booted in the background. A VM is given to one container, and ends with it. `status` shows the pools, `fill` boots what is",
      "missing, `stop` ends all VMs that wait.",
    ].join("\n"),
    options: [
      { name: "size", type: "number", value: "N", help: `start: how many VMs wait, at most ${MAX_SIZE}` },
      ...POOL_OPTIONS,
      formatOption("table", "json"),
    ],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-pool start --size 2", "nk-runtime vm-pool status", "nk-runtime vm-pool stop"],
  },

  async run(context) {
    const verb = VERBS[context.positionals[0] ?? ""];
    if (!verb)
      throw new NkError("USAGE", `expected start, status, fill or stop, found ${context.positionals[0]}`);
    await verb(context);
    return 0;
  },
};

const VERBS: Record<string, (context: CommandContext) => Promise<void>> = { start, status, fill, stop };

async function start({ flags, store }: CommandContext): Promise<void> {
  const size = flags.number("size");
  if (size === undefined || size < 1 || size > MAX_SIZE)
    throw new NkError("USAGE", `expected --size from 1 to ${MAX_SIZE}, found ${size ?? "none"}`);
  const resolved = resolveSettings(settingsFromFlags(flags), {}, settingsFromFiles()).settings;
  const settings = { ...resolved, mode: "vm" } as const;
  const { key } = await settleForPool(settings);
  const { folder } = new PoolStore(store.root, key);
  makePool(folder);
  writePoolConfig(folder, { version: 1, size, settings });
  await waitUntilFull(store.root, key);
}

async function status({ flags, store }: CommandContext): Promise<void> {
  const pools = listPools(store.root);
  await print(flags.text("format") === "json" ? `${JSON.stringify(pools)}\n` : table(pools));
  const said = readIfThere(fillLog(store.root)) ?? "";
  if (said !== "") writeStderr(`the last VM that was taken has not been replaced: ${said}`);
}

function table(pools: PoolView[]): string {
  const rows = pools.map(({ key, size, waiting, starting, taken, vcpus, memSizeMib }) => [
    key.slice(0, 12),
    String(size),
    String(waiting),
    String(starting),
    String(taken),
    String(vcpus ?? ""),
    memSizeMib === undefined ? "" : `${memSizeMib} MiB`,
  ]);
  return formatTable([["POOL", "SIZE", "WAITING", "STARTING", "TAKEN", "VCPUS", "MEMORY"], ...rows]);
}

async function fill({ store }: CommandContext): Promise<void> {
  for (const key of poolKeys(store.root)) await fillPool(store.root, key);
}

async function stop({ store }: CommandContext): Promise<void> {
  await stopPools(store.root);
}
