/**
 * The guest reports microseconds of its CLOCK_BOOTTIME; spans need the host's CLOCK_MONOTONIC. Both run at the same rate
 * (the guest's clock is the TSC, which the VMM does not scale), so one pair of readings is enough: the hello.
 * Error: the way of the hello to the host, a few hundred microseconds.
 */
export interface GuestClock {
  /** Host time at which the guest's clock was zero: about when its kernel started. */
  readonly bootNs: bigint;
  /** Host time of a guest time. */
  toHostNs(guestUs: number): bigint;
}

/**
 * @param helloUs the guest's clock when it sent hello
 * @param receivedNs the host's clock (process.hrtime.bigint()) when hello arrived
 */
export function guestClock(helloUs: number, receivedNs: bigint): GuestClock {
  const bootNs = receivedNs - microseconds(helloUs);
  return { bootNs, toHostNs: (guestUs) => bootNs + microseconds(guestUs) };
}

/** The guest is not trusted: what is no sensible time counts as zero, so a trace is wrong at worst and never throws. */
function microseconds(us: number): bigint {
  return Number.isSafeInteger(us) && us >= 0 ? BigInt(us) * 1000n : 0n;
}
