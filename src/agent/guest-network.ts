/**
 * What the guest is to have as its network, all of it: the operation `network` of protocol/agent-protocol.md. The agent makes the guest equal to it, so
 * the same once more changes nothing. Names are at most 15 bytes, addresses are text as inet_ntop(3) writes them.
 */
export interface GuestNetwork {
  links: GuestLink[];
  routes: GuestRoute[];
  /** Of policy routing, beside the three that each kernel has. */
  rules: GuestRule[];
  neighbours: GuestNeighbour[];
  /** Files of the guest's run folder (below /run/nk/etc), for containers whose bundle does not bring them. */
  files?: GuestNetworkFiles;
}

export interface GuestLink {
  name: string;
  /** Six pairs of hexadecimal digits. */
  mac: string;
  mtu: number;
  isUp: boolean;
  /** It is the VM's card itself; the others are macvlans on it, told apart by their MAC. At most one. */
  isCard: boolean;
  /** The kernel takes routers' advertisements. */
  acceptRa: boolean;
  /** It carries packets of 127.0.0.0/8, where a route leads to it. */
  routeLocalnet?: boolean;
  addresses: GuestAddress[];
}

export interface GuestAddress {
  address: string;
  prefix: number;
  peer?: string;
  broadcast?: string;
  /** Number of rtnetlink(7): 0 universe, 253 link, 254 host. */
  scope: number;
  /** The kernel makes no route to its prefix. */
  noPrefixRoute?: boolean;
}

export interface GuestRoute {
  family: 4 | 6;
  /** "10.0.0.0/8"; "default". */
  destination: string;
  /** Number of rtnetlink(7): RTN_UNICAST 1, BLACKHOLE 6, UNREACHABLE 7, PROHIBIT 8 … */
  type: number;
  table: number;
  /** RTPROT_, RT_SCOPE_ numbers. */
  protocol: number;
  scope: number;
  /** 0: none. */
  metric: number;
  source?: string;
  mtu?: number;
  /** One for an ordinary route; several of a multipath route; none where the type needs none. */
  hops: GuestHop[];
}

export interface GuestHop {
  /** Name of a link. */
  link: string;
  gateway?: string;
  /** The gateway is on the link whatever the addresses say. */
  isOnLink?: boolean;
  /** 1 to 256, of a multipath route. */
  weight?: number;
}

export interface GuestRule {
  family: 4 | 6;
  priority: number;
  table: number;
  from?: string;
  to?: string;
  /** Name of a link. */
  inLink?: string;
  outLink?: string;
  mark?: number;
  markMask?: number;
}

export interface GuestNeighbour {
  link: string;
  address: string;
  mac: string;
}

export interface GuestNetworkFiles {
  hosts?: string;
  resolvConf?: string;
}
