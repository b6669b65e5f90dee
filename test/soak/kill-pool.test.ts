import { killInPool } from "../vm/kill-pool-suite.ts";

/** What test/vm/kill-pool.test.ts leaves out. */
killInPool("more");
