import { endWith } from "./base/end-process.ts";
import { runCli } from "./cli/run-cli.ts";

endWith(runCli(process.argv.slice(2)));
