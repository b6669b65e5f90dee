import { killPoints } from "./kill-suite.ts";

killPoints("usual");
