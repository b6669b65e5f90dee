import { userInfo } from "node:os";

/** User name of who makes a container or VM; "" for a user id without a name. */
export function ownerName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}
