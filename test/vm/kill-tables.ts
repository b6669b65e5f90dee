import { rows } from "./kill-rig.ts";

/**
 * Where each command is killed: with the state that must be seen afterwards, and in second place what test/soak tries beside it, since it is of a kind with
 * another row. A command that was not killed cleans up after what was, so that there is no container; otherwise it is there, and stopped.
 */

export const CREATE = [
  rows("read the bundle", { cli: "none" }),
  rows("settle mode and size", {}, { cli: "none" }),
  rows("all of it, from shadow and monitor on", { cli: "stopped" }),
  rows("find the guest image", { cli: "none" }),
  rows("holder: namespaces made", { launcher: "none", halted: "none" }, { cli: "stopped" }),
  rows("launcher: holder prepared", { cli: "stopped" }, { halted: "none", holder: "none" }),
  rows("launcher: holder reported", { halted: "none" }),
  rows("monitor: before its program", { launcher: "none", halted: "none" }, { cli: "stopped" }),
  rows("launcher: monitor started", { halted: "none", monitor: "none" }, { cli: "stopped" }),
  rows("start virtiofsd", { cli: "stopped", halted: "none" }, { holder: "none" }),
  rows("daemon: before its program", { halted: "none" }, { monitor: "none" }),
  rows("confined: before its program", { monitor: "none" }, { halted: "none" }),
  rows("start the VMM", { virtiofsd: "none", halted: "none" }),
  rows(
    "boot until the agent's hello",
    { cli: "stopped", QEMU: "none", shadow: "none" },
    { virtiofsd: "none", holder: "none" },
  ),
  rows("configure the guest", { halted: "none" }, { QEMU: "none" }),
  rows("mount the sandbox's tree", { virtiofsd: "none" }),
  rows("join the sandbox", { holder: "none" }, { cli: "stopped" }),
  rows("shadow: namespaces made", { halted: "none" }, { cli: "stopped", launcher: "none" }),
  rows("launcher: shadow prepared", { halted: "none", shadow: "none" }, { cli: "stopped", monitor: "none" }),
  rows(
    "create the container",
    { cli: "stopped", halted: "none" },
    { QEMU: "none", shadow: "none", holder: "none" },
  ),
];

export const START = [
  rows("ask the monitor", { monitor: "stopped" }, { cli: "created", shadow: "stopped" }),
  rows(
    "start the container",
    { cli: "running", virtiofsd: "stopped" },
    { QEMU: "stopped", halted: "stopped" },
  ),
];

export const RUN = [rows("start the container", { cli: "stopped", shadow: "none" }, { launcher: "none" })];

export const EXEC = [
  rows("start a shadow for the command", { cli: "running" }, { monitor: "stopped" }),
  rows("shadow: namespaces made", { "exec shadow": "running" }, { launcher: "running" }),
  rows("launcher: command started", { halted: "running" }, { cli: "running", "exec shadow": "running" }),
  rows("exec exec-1", { cli: "running", QEMU: "stopped" }, { halted: "stopped", shadow: "stopped" }),
];

export const DELETE = [
  rows("end container and VM", { monitor: "none" }, { cli: "running", QEMU: "none" }),
  rows("shut the guest down", { cli: "stopped", halted: "none" }, { QEMU: "none" }),
  rows("end the VM", { halted: "none" }),
];

/** Steps of the monitor, which gets its environment from the command that started it. */
export const OF_MONITOR = ["start the container", "exec exec-1", "shut the guest down", "end the VM"];

/**
 * The way of a VM from a pool to its container, and that of the next one into the pool. What happens to the VM that fills the pool again changes nothing of
 * the container.
 */
export const POOL = [
  rows("take a VM that waits", { cli: "stopped", monitor: "none" }, { QEMU: "none", holder: "none" }),
  rows(
    "adopt the VM",
    { cli: "stopped", halted: "none" },
    { QEMU: "none", virtiofsd: "none", holder: "none" },
  ),
  rows("join the sandbox", { cli: "stopped" }, { monitor: "none" }),
  rows("launcher: shadow prepared", { shadow: "none" }, { cli: "stopped", halted: "none", holder: "none" }),
  rows("create the container", { halted: "none" }, { cli: "stopped", QEMU: "none" }),
];

export const REFILL = [
  rows("launcher: holder prepared", { halted: "running" }, { launcher: "running" }),
  rows("launcher: monitor started", {}, { halted: "running" }),
  rows("run a throw-away container", { halted: "running" }),
];

/** Of the monitor of a VM that waits. */
export const OF_POOL = ["adopt the VM", "create the container"];
