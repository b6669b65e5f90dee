import type { AgentClient } from "../agent/agent-client.ts";
import type { GuestNetwork } from "../agent/guest-network.ts";
import { BrokenRequest } from "../agent/requests.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { complain } from "../base/logger.ts";
import { loadNetworkKind } from "../network/kinds.ts";
import type { Network, NetworkSpec } from "../network/network.ts";
import type { NetworkRecord } from "../state/network-record.ts";
import { traced } from "../trace/channels.ts";
import type { Guest } from "./microvm/guest.ts";
import type { MicroVm } from "./microvm/microvm.ts";

/** Whose network it is, and who writes down what it has. */
export interface NetworkOwner {
  id: string;
  hostname: string;
  /** Control socket of this process. */
  monitor: string;
  /** A process in the container's network namespace; undefined: there is no container yet. */
  shadowPid?: number;
  journal: (record: NetworkRecord) => void;
}

const WHY = "the guest's card has no address until the guest is told";

/**
 * The network of a sandbox: `connect` once, beside the boot, then `tell` when the guest can be asked and before a container is made in it; `refresh` when a
 * container starts. `close` at the end, also of a sandbox that never came so far. Containers of one VM have it together.
 */
export class SandboxNetwork {
  private readonly spec: NetworkSpec;
  private readonly microvm: MicroVm;
  private network: Network | undefined;
  private wanted: GuestNetwork | undefined;
  /** What the guest has. */
  private told: GuestNetwork | undefined;
  private telling: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(spec: NetworkSpec, microvm: MicroVm) {
    this.spec = spec;
    this.microvm = microvm;
  }

  /** Gets what it needs of the host, and connects the card as soon as the VMM has it. @throws NETWORK */
  async connect({ id, hostname, monitor, shadowPid, journal }: NetworkOwner): Promise<void> {
    const { spec } = this;
    if (spec.kind === "none") return journal({ kind: "none" });
    const kind = await loadNetworkKind(spec.kind);
    const netns = spec.kind === "netns" ? (spec.path ?? `/proc/${shadowPid ?? 0}/ns/net`) : undefined;
    this.network = await kind.open({ spec, id, hostname, monitor, netns, journal });
    if (this.closed) return this.network.close();
    const { card } = await this.microvm.started;
    if (card === undefined)
      throw new NkError("NETWORK", `--vm-net=${spec.kind}: the VM was started without a network card`);
    this.wanted = await this.network.plug(card);
  }

  /** Tells the guest what its network is, and from now on what becomes of it. @throws what the agent says */
  async tell(guest: Guest): Promise<void> {
    await this.say(guest);
    this.network?.watch((network) => {
      this.wanted = network;
      this.say(guest).catch(complain);
    });
  }

  /** Interfaces may have come since. @throws NETWORK, and what the agent says */
  async refresh(guest: Guest): Promise<void> {
    this.wanted = (await this.network?.refresh()) ?? this.wanted;
    await this.say(guest);
  }

  /** Takes back what it has of the host. Never rejects. */
  async close(): Promise<void> {
    this.closed = true;
    await this.network?.close();
  }

  /** One after the other, each with what is wanted by then. */
  private say(guest: Guest): Promise<void> {
    const said = this.telling.then(() => this.send(guest));
    this.telling = said.catch(() => {});
    return said;
  }

  private async send(guest: Guest): Promise<void> {
    const network = this.wanted;
    if (network === undefined || network === this.told) return;
    const what = JSON.stringify({ type: "network", ...network });
    await traced("agent", "configure the guest's network", { why: WHY, what }, async () => {
      try {
        await ask(guest.agent, network);
      } catch (error) {
        throw this.closed ? error : inContext(error);
      }
    });
    this.told = network;
  }
}

/** Once more when the connection breaks: the same twice changes nothing. */
async function ask(agent: AgentClient, network: GuestNetwork): Promise<void> {
  for (;;) {
    try {
      await agent.network(network);
      return;
    } catch (error) {
      if (!(error instanceof BrokenRequest)) throw error;
    }
    await agent.connected();
  }
}

function inContext(error: unknown): NkError {
  const { code, message, ...rest } = asNkError(error).toJson();
  return new NkError(code, `the guest's network: ${message}`, rest);
}
