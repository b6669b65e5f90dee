// A monitor without a mind: connects the shadow (descriptor 3) with the test's socket, argv[2], byte for byte, and reports
// one line. What the test then sends is what a monitor would send; when the test ends the connection, the monitor dies.
import { connect, Socket } from "node:net";
import { writeSync } from "node:fs";

const shadow = new Socket({ fd: 3 });
const test = connect(process.argv[2], () => {
  writeSync(4, `${JSON.stringify({ ready: true, shadow: Number(process.env.NK_SHADOW_PID) })}\n`);
  shadow.pipe(test, { end: false }).pipe(shadow, { end: false });
});
shadow.on("error", () => {});
shadow.on("close", () => process.exit(0));
shadow.on("end", () => process.exit(0));
test.on("error", () => process.exit(1));
test.on("close", () => process.exit(1));
