import { NkError } from "../base/errors.ts";
import { formatAddress, parseAddress } from "./ip-address.ts";
import type { Publication } from "./network.ts";

/** [ADDR:]HOST:CONTAINER[/PROTOCOL], an IPv6 address in brackets. */
const FORM = /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?([^:[\]/]*):([^:[\]/]*)(?:\/(.*))?$/;

/** @throws BAD_CONFIG */
export function parsePublication(text: string): Publication {
  const match = FORM.exec(text);
  if (match === null)
    throw wrong(text, "expected [ADDRESS:]HOST:CONTAINER[/udp], an IPv6 address in brackets");
  const [, address6, address4, hostPort = "", port = "", protocol = "tcp"] = match;
  if (protocol !== "tcp" && protocol !== "udp")
    throw wrong(text, `expected the protocol tcp or udp, found ${JSON.stringify(protocol)}`);
  const address = address6 ?? address4;
  return {
    ...(address !== undefined && { address: hostAddress(text, address, address6 === undefined ? 4 : 6) }),
    hostPort: portNumber(text, "of the host", hostPort),
    port: portNumber(text, "of the container", port),
    protocol,
  };
}

/** As `parsePublication` takes it. */
export function formatPublication({ address, hostPort, port, protocol }: Publication): string {
  const host = address?.includes(":") === true ? `[${address}]` : address;
  return `${host === undefined ? "" : `${host}:`}${hostPort}:${port}${protocol === "udp" ? "/udp" : ""}`;
}

function hostAddress(text: string, word: string, family: 4 | 6): string {
  const address = parseAddress(word);
  if (address?.family === family) return formatAddress(address);
  const expected =
    family === 4 ? "an IPv4 address, or an IPv6 address in brackets" : "an IPv6 address in the brackets";
  throw wrong(text, `expected ${expected}, found ${JSON.stringify(word)}`);
}

function portNumber(text: string, whose: string, word: string): number {
  const port = /^[0-9]{1,5}$/.test(word) ? Number(word) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw wrong(text, `expected a port ${whose} from 1 to 65535, found ${JSON.stringify(word)}`);
}

function wrong(text: string, problem: string): NkError {
  return new NkError("BAD_CONFIG", `published port ${JSON.stringify(text)}: ${problem}`);
}
