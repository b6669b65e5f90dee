// A monitor that takes over the daemons which the launcher has started: reports, as one line, what each has said by its end. A line that
// comes by its channel goes back to it.
import { writeSync } from "node:fs";
import { Socket } from "node:net";

const taken = process.env.NK_DAEMONS.split(" ").map((word) => {
  const [name, pid, startNs, fds] = word.split(":");
  return {
    name,
    pid: Number(pid),
    startNs,
    sockets: fds.split(",").map((fd) => new Socket({ fd: Number(fd) })),
  };
});

async function textOf(socket) {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

const ends = taken.map(async ({ name, pid, sockets: [output, status, channel] }) => {
  channel?.once("data", (line) => channel.write(line));
  return { name, pid, output: await textOf(output), status: await textOf(status) };
});
if (process.argv[2] === "--report-pids") writeSync(4, `${JSON.stringify(taken.map(({ pid }) => pid))}\n`);
writeSync(4, `${JSON.stringify(await Promise.all(ends))}\n`);
