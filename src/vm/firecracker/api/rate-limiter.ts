/** A budget that fills up again, evenly: `size` in `refill_time`. 0 in either means no limit. */
export interface TokenBucket {
  /** Bytes, or operations. */
  size: number;
  /** Milliseconds. */
  refill_time: number;
  /** Added to the budget at the beginning, once. Bytes, or operations. */
  one_time_burst?: number;
}

export interface RateLimiter {
  /** Of bytes. */
  bandwidth?: TokenBucket;
  /** Of operations. */
  ops?: TokenBucket;
}
