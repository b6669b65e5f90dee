import { NkError } from "../base/errors.ts";
import { CHOOSE_SHARE, type ShareKind } from "./share.ts";

/** @param supported what the guest's kernel can mount. @throws UNSUPPORTED when it cannot mount `kind` */
export function requireGuestDriver(kind: ShareKind, supported: readonly ShareKind[]): void {
  if (supported.includes(kind)) return;
  const has = supported.length === 0 ? "no share at all" : supported.join(", ");
  throw new NkError(
    "UNSUPPORTED",
    `the guest's kernel cannot mount ${kind}: it has drivers for ${has}; ` +
      "use --vm-share=auto, or a kernel that has it (scripts/build-kernel.sh makes one with both)",
    { phase: CHOOSE_SHARE },
  );
}
