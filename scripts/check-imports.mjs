// Checks that imports between the rooms (folders) of src/ go one way, and prints the rooms with the arrows that there are. Run by
// `npm run check:imports`. A room may import those that its row names; every row names later ones only, so there is no circle.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../src", import.meta.url));

/** From the command to the ground. `sandbox/X` are the rooms of the process that stays. */
const ROOMS = {
  ".": "cli sandbox base",
  cli: "doctor machine container launch contract vm image container-image oci state trace host base",
  doctor: "container launch vm share image oci state host base",
  machine: "launch contract vm share image oci state trace host base",
  container: "launch contract agent image oci state trace host base",
  launch: "contract vm share image oci state trace host base",
  sandbox:
    "sandbox/control sandbox/containers sandbox/microvm sandbox/streams contract vm agent image oci state trace host base",
  "sandbox/control": "sandbox/containers contract trace base",
  "sandbox/containers": "sandbox/microvm sandbox/streams contract agent oci state trace host base",
  "sandbox/microvm": "sandbox/streams contract vm agent share image oci state trace host base",
  "sandbox/streams": "agent base",
  contract: "vm oci state trace host base",
  vm: "share image trace host base",
  agent: "base",
  share: "host trace base",
  image: "host trace base",
  "container-image": "oci trace host base",
  state: "oci host base",
  oci: "base",
  host: "trace base",
  trace: "base",
  base: "",
};

const order = Object.keys(ROOMS);
/** @type {Map<string, Set<string>>} */
const arrows = new Map(order.map((room) => [room, new Set()]));
let problems = 0;

function complain(text) {
  console.error(text);
  problems += 1;
}

/** The room of a file below src/: the longest folder that has a row. */
function roomOf(path) {
  let folder = dirname(path);
  while (!(folder in ROOMS) && folder !== ".") folder = dirname(folder);
  return folder;
}

for (const [index, [room, targets]] of Object.entries(ROOMS).entries()) {
  for (const target of targets.split(" ").filter(Boolean)) {
    if (order.indexOf(target) <= index) complain(`${room} → ${target}: expected a row below`);
  }
}

for (const name of readdirSync(src, { recursive: true }).filter((file) => file.endsWith(".ts"))) {
  const room = roomOf(name);
  for (const [, target] of readFileSync(join(src, name), "utf8").matchAll(
    /(?:from|import\()\s*"(\.[^"]+)"/g,
  )) {
    const path = normalize(join(dirname(name), target));
    const other = path.startsWith("..") ? ".." : roomOf(path);
    if (other === room) continue;
    if (ROOMS[room].split(" ").includes(other)) arrows.get(room)?.add(other);
    else complain(`src/${name}: must not import ${path} (${room} may import: ${ROOMS[room]})`);
  }
}

for (const [room, others] of arrows) {
  const found = order.filter((other) => others.has(other));
  console.log(`${room.padEnd(18)} → ${found.join(" ")}`);
  for (const unused of ROOMS[room].split(" ").filter((other) => other && !others.has(other)))
    complain(`${room} → ${unused}: allowed, but nothing imports it`);
}
process.exit(problems === 0 ? 0 : 1);
