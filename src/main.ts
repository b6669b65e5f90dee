import { runCli } from "./cli/run-cli.ts";

// The only place that ends the process: what is still open (a socket, a timer) must not keep a command alive.
void runCli(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));

// Nothing runs any more and no result was reached: a promise that can never settle. Silence would look like success.
process.on("beforeExit", () => {
  process.stderr.write("nk-runtime: internal error: the command ended without a result\n");
  process.exit(1);
});
