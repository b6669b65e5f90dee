import type { StepEvent } from "../../agent/messages.ts";
import type { Span } from "../../trace/channels.ts";
import type { GuestClock } from "../../trace/guest-clock.ts";

/** The agent's steps (protocol/agent-protocol.md) in words for people; its own name stays where none is here. */
const STEPS = new Map<string, { name: string; why: string }>([
  [
    "mounts",
    {
      name: "mount /proc, /sys and /dev",
      why: "PID 1 starts in the unpacked initramfs and finds none of them",
    },
  ],
  [
    "modules",
    {
      name: "load kernel modules",
      why: "what a distribution's kernel has as files; a kernel of ours has it built in",
    },
  ],
  [
    "controllers",
    { name: "enable cgroup controllers", why: "the in-VM runtime sets the container's limits through them" },
  ],
  ["mount", { name: "mount", why: "a system call of the agent" }],
  [
    "network",
    { name: "set links, addresses and routes", why: "netlink requests of the agent, for what is not so yet" },
  ],
  [
    "start",
    {
      name: "let the container's process go on",
      why: "the runtime's init waits at a fifo; the agent writes to it",
    },
  ],
  ["sync", { name: "copy back", why: "what the container changed on its disk is not on the host yet" }],
  ["delete", { name: "delete the container", why: "its process has ended; cgroup and state folder go" }],
  [
    "runtime create",
    {
      name: "runtime create",
      why: "the process is made and waits: namespaces, mounts and limits are in place",
    },
  ],
  [
    "runtime exec",
    { name: "runtime exec", why: "the runtime joins the container's namespaces and starts the command" },
  ],
]);

/** What the agent says it did, on the host's clock. */
export function agentSpan(event: StepEvent, clock: GuestClock): Span {
  const step = STEPS.get(event.name);
  return {
    actor: event.name.startsWith("runtime") ? "runtime" : "agent",
    name: step?.name ?? event.name,
    startNs: clock.toHostNs(event.startUs),
    endNs: clock.toHostNs(event.endUs),
    ...(step && { why: step.why }),
    what: event.detail,
  };
}
