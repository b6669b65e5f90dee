import { runCli } from "./cli/run-cli.ts";

// The only place that ends the process: what is still open (a socket, a timer) must not keep a command alive.
void runCli(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
