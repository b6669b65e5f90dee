// Where the process writes: log, metrics, the guest's serial port.
import { Fault } from "../http/fault.ts";
import { levelOf } from "../log.ts";
import { osError } from "../os-error.ts";
import { tokenBucket } from "../resources/rate-limiter.ts";
import {
  bool,
  made,
  optional,
  path,
  required,
  struct,
  text,
  type Decode,
  type Fields,
} from "../serde/decode.ts";
import { SerdeError } from "../serde/reader.ts";
import type { Traits } from "../version.ts";
import { before, parse, type Action } from "./action.ts";

const level = made(text, (name) => {
  const found = levelOf(name);
  if (found === undefined) throw new SerdeError("Invalid LevelFilter");
  return found;
});

const loggerConfig = struct("LoggerConfig", {
  log_path: optional(path),
  level: optional(level),
  show_level: optional(bool),
  show_log_origin: optional(bool),
  module: optional(text),
});
const metricsConfig = struct("MetricsConfig", { metrics_path: required(path) }, "open");

function serialDecoder({ since116 }: Traits): Decode<{ serial_out_path: string | null }> {
  const limiter: Fields = since116 ? { rate_limiter: optional(tokenBucket) } : {};
  return struct("SerialConfig", { serial_out_path: optional(path), ...limiter });
}

export function putLogger(body: Buffer): Action {
  const config = parse(loggerConfig, body);
  return before((vmm) => {
    try {
      vmm.log.update(config);
    } catch (error) {
      throw new Fault(`Logger error: Failed to open target file: ${osError(error)}`);
    }
  });
}

export function putMetrics(body: Buffer): Action {
  const { metrics_path: file } = parse(metricsConfig, body);
  return before(({ metrics }) => {
    const complaint = "Metrics error: Cannot initialize the metrics system due to bad user input: ";
    if (metrics.initialized) throw new Fault(`${complaint}Reinitialization of metrics not allowed.`);
    try {
      metrics.open(file);
    } catch (error) {
      throw new Fault(complaint + osError(error));
    }
  });
}

export function putSerial(traits: Traits, body: Buffer): Action {
  const config = parse(serialDecoder(traits), body);
  return before((vmm) => {
    vmm.serial.path = config.serial_out_path;
  });
}
