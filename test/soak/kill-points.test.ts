import { killPoints } from "../vm/kill-suite.ts";

/** What test/vm/kill-points.test.ts leaves out. */
killPoints("more");
