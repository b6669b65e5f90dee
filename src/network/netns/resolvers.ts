import { closeSync, readSync } from "node:fs";
import { openNamedFile } from "../../base/named-file.ts";
import { nameServers } from "../files.ts";
import { isLoopback, parseAddress } from "../ip-address.ts";

/** resolv.conf(5) has no more; nor does the relay (native/network/relay.h). */
const MAX_RESOLVERS = 3;
/** Far more than a resolv.conf needs. */
const MAX_BYTES = 65_536;

/**
 * The name servers of a resolv.conf(5) that listen on the loopback device of a container's network namespace, as Docker's does at 127.0.0.11. Not 127.0.0.1,
 * where a container's own programs listen.
 */
export function loopbackResolvers(resolvConf: string): string[] {
  const servers = nameServers(resolvConf).slice(0, MAX_RESOLVERS);
  return [...new Set(servers)].filter((server) => {
    const address = parseAddress(server);
    return address?.family === 4 && isLoopback(address) && server !== "127.0.0.1";
  });
}

/** Those of a file, as it is now; none of one that cannot be read. */
export function readResolvers(path: string): string[] {
  try {
    return loopbackResolvers(readText(path));
  } catch {
    return [];
  }
}

/** It is the caller's, who may have put anything there. */
function readText(path: string): string {
  const fd = openNamedFile(path);
  try {
    const buffer = Buffer.alloc(MAX_BYTES);
    return buffer.toString("utf8", 0, readSync(fd, buffer));
  } finally {
    closeSync(fd);
  }
}
