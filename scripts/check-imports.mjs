// Checks that imports between the rooms (folders) of src/, and includes between those of the C trees, go one way, and prints the rooms with
// the arrows that there are. Run by `npm run check:imports`. A room may import those that its row names; every row names later ones only, so
// there is no circle.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** From the command to the ground. `sandbox/X` are the rooms of the process that stays. */
const SRC = {
  ".": "cli sandbox base",
  cli: "engines doctor pool machine container launch contract network vm image container-image oci state trace host base",
  engines: "trace host base",
  doctor: "container launch network vm share image oci state host base",
  machine: "launch contract network vm share oci state trace host base",
  pool: "launch contract vm oci state host base",
  container: "launch contract agent image oci state trace host base",
  launch: "contract network vm image oci state trace host base",
  sandbox:
    "sandbox/control sandbox/containers sandbox/microvm sandbox/streams contract network vm agent image oci state trace host base",
  "sandbox/control": "sandbox/containers sandbox/microvm contract state trace host base",
  "sandbox/containers": "sandbox/microvm sandbox/streams contract agent oci state trace host base",
  "sandbox/microvm": "sandbox/streams contract vm agent image oci state trace host base",
  "sandbox/streams": "agent base",
  contract: "network vm image oci state trace host base",
  network: "agent state trace host base",
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

/** nk-shadow: "." is main.c. */
const NATIVE = {
  ".": "confine shadow daemon files network sockets common",
  confine: "shadow common",
  shadow: "common",
  network: "common",
  daemon: "common",
  files: "common",
  sockets: "common",
  common: "",
};

/** The guest's agent: "." is main.c and what connects the rooms; `common` is native/common. */
const AGENT = {
  ".": "ops containers streams wire machine base common",
  ops: "runtimes sync network relay containers streams wire machine base common",
  runtimes: "containers wire base common",
  sync: "common",
  network: "wire machine base common",
  containers: "streams wire machine base common",
  relay: "streams wire base common",
  streams: "wire base common",
  wire: "machine base common",
  machine: "base common",
  base: "common",
  common: "",
};

let problems = 0;

function complain(text) {
  console.error(text);
  problems += 1;
}

/** The room of a file: the longest folder that has a row. */
function roomOf(rooms, path) {
  let folder = dirname(path);
  while (!(folder in rooms) && folder !== ".") folder = dirname(folder);
  return folder;
}

/** The files that a file of src/ imports, by their paths below src/. */
function importsOf(name, text) {
  const found = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)];
  return found.map(([, target]) => normalize(join(dirname(name), target)));
}

/** The files that a C file includes, by their paths below its tree: one beside it goes by its name, all others by room and name. */
function includesOf(name, text) {
  const found = [...text.matchAll(/^#include "([^"]+)"/gm)];
  return found.map(([, target]) => (target.includes("/") ? target : join(dirname(name), target)));
}

/** Each row may name later ones alone. */
function checkOrder(tree, rooms) {
  const order = Object.keys(rooms);
  for (const [index, [room, targets]] of Object.entries(rooms).entries()) {
    for (const target of targets.split(" ").filter(Boolean)) {
      if (order.indexOf(target) <= index) complain(`${tree}: ${room} → ${target}: expected a row below`);
    }
  }
}

/** The arrows that there are; each that is not in the table is a problem. */
function findArrows({ tree, rooms, files, targetsOf, exists }) {
  const arrows = new Map(Object.keys(rooms).map((room) => [room, new Set()]));
  for (const name of files) {
    const room = roomOf(rooms, name);
    for (const path of targetsOf(name, readFileSync(join(root, tree, name), "utf8"))) {
      const other = path.startsWith("..") ? ".." : roomOf(rooms, path);
      if (!exists(path)) complain(`${tree}/${name}: there is no ${path}`);
      if (other === room) continue;
      if (rooms[room].split(" ").includes(other)) arrows.get(room)?.add(other);
      else complain(`${tree}/${name}: must not import ${path} (${room} may import: ${rooms[room]})`);
    }
  }
  return arrows;
}

function printArrows(tree, rooms, arrows) {
  console.log(`${tree}/`);
  for (const [room, others] of arrows) {
    const found = Object.keys(rooms).filter((other) => others.has(other));
    console.log(`  ${room.padEnd(18)} → ${found.join(" ")}`);
    for (const unused of rooms[room].split(" ").filter((other) => other && !others.has(other)))
      complain(`${tree}: ${room} → ${unused}: allowed, but nothing imports it`);
  }
}

function check(tree, rooms, files, targetsOf, exists) {
  checkOrder(tree, rooms);
  printArrows(tree, rooms, findArrows({ tree, rooms, files, targetsOf, exists }));
}

/** Tests and fuzzers may see all of a tree. */
function checkC(tree, rooms, places) {
  const files = readdirSync(join(root, tree), { recursive: true }).filter((file) => /\.[ch]$/.test(file));
  const parts = files.filter((file) => !/^(?:test|fuzz|preload)\//.test(file));
  check(tree, rooms, parts, includesOf, (path) =>
    places.some((place) => existsSync(join(root, place, path))),
  );
}

/**
 * What is decided in one place. Settings, their table and the records have the words of people; tests may say all. A file of the driver is not even
 * imported elsewhere: what it answers is asked of it (src/vm/driver.ts).
 */
const WORDS = [
  { text: /"(?:firecracker|qemu)"/, what: "a VMM by its name", in: /^(?:vm\/|oci\/setting-table\.ts$)/ },
  { text: /\bvm\/(?:firecracker|qemu)\//, what: "a file of a driver", in: /^vm\// },
  { text: /"block"/, what: '"block"', in: /^(?:launch\/wish|oci\/setting-table|state\/record)\.ts$/ },
];

function checkWords(files) {
  for (const name of files.filter((file) => !file.endsWith(".test.ts"))) {
    const text = readFileSync(join(root, "src", name), "utf8");
    for (const word of WORDS) {
      if (word.text.test(text) && !word.in.test(name)) complain(`src/${name}: must not name ${word.what}`);
    }
  }
}

const sources = readdirSync(join(root, "src"), { recursive: true }).filter((file) => file.endsWith(".ts"));
check("src", SRC, sources, importsOf, () => true);
checkWords(sources);
checkC("native", NATIVE, ["native"]);
checkC("guest/agent", AGENT, ["guest/agent", "native"]);
process.exit(problems === 0 ? 0 : 1);
