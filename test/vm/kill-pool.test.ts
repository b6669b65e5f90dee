import { killInPool } from "./kill-pool-suite.ts";

killInPool("usual");
