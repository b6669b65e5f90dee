import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { Fault } from "../http/fault.ts";
import { osError } from "../os-error.ts";

const OPENING = "Network config error: Could not create the network device: Open tap device failed:";

/** IFNAMSIZ less its NUL byte. */
const INTERFACE_NAME_MAX = 15;

/**
 * What node cannot: ioctl(3, TUNSETIFF, { name, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR }). The descriptor is ours, so the tap is as well.
 * It ends with the number of the error.
 */
const ATTACH = `open my $tun, "+<&=3" or exit 255; my $request = pack "a16 S x22", $ARGV[0], 0x5002;
  exit(ioctl($tun, 0x400454ca, $request) ? 0 : $!)`;
/** A jail has the system's programs and no PATH. */
const PERL = "/usr/bin/perl";

/** A tap device in our network namespace, made when it is missing; held until it is closed. */
export class Tap {
  readonly fd: number;

  /** @throws Fault */
  constructor(name: string) {
    if (Buffer.byteLength(name) > INTERFACE_NAME_MAX) throw new Fault(`${OPENING} Invalid interface name`);
    this.fd = open();
    const errno = attach(this.fd, name);
    if (errno === 0) return;
    this.close();
    const problem = osError({ code: getSystemErrorName(-errno), errno });
    throw new Fault(
      `${OPENING} Error while creating ifreq structure: ${problem}. ` +
        `Invalid TUN/TAP Backend provided by ${name}. Check our documentation on setting up the network devices.`,
    );
  }

  close(): void {
    closeSync(this.fd);
  }
}

function open(): number {
  try {
    return openSync("/dev/net/tun", "r+");
  } catch (error) {
    throw new Fault(`${OPENING} Couldn't open /dev/net/tun: ${osError(error)}`);
  }
}

/** @returns the number of the error; 0: none */
function attach(fd: number, name: string): number {
  // From its standard input: with -e it wants a /dev/null, which a jail has not.
  const { status, error } = spawnSync(PERL, ["-", name], {
    input: ATTACH,
    stdio: ["pipe", "inherit", "inherit", fd],
  });
  if (status === null) throw error ?? new Error(`${PERL} was killed`);
  return status;
}
