import { optional, required, struct, u64 } from "../serde/decode.ts";

export const tokenBucket = struct(
  "TokenBucketConfig",
  { size: required(u64), one_time_burst: optional(u64), refill_time: required(u64) },
  "open",
);
export type TokenBucket = ReturnType<typeof tokenBucket>;

export const rateLimiter = struct("RateLimiterConfig", {
  bandwidth: optional(tokenBucket),
  ops: optional(tokenBucket),
});
export type RateLimiter = ReturnType<typeof rateLimiter>;

/** A limiter as it is shown: a bucket of nothing, or that never fills, is none. */
export function shown(limiter: RateLimiter | null): RateLimiter | null {
  if (limiter === null) return null;
  const bucket = (of: TokenBucket | null) => (of !== null && of.size > 0 && of.refill_time > 0 ? of : null);
  const buckets = { bandwidth: bucket(limiter.bandwidth), ops: bucket(limiter.ops) };
  return buckets.bandwidth === null && buckets.ops === null ? null : buckets;
}

/** What a PATCH leaves: buckets that it does not name stay. */
export function updated(old: RateLimiter | null, update: RateLimiter): RateLimiter {
  return { bandwidth: update.bandwidth ?? old?.bandwidth ?? null, ops: update.ops ?? old?.ops ?? null };
}
