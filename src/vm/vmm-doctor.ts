import type { Finding } from "../host/finding.ts";
import type { Wish } from "./driver.ts";

/** What a VMM needs of this host, and how it is. Nothing throws for what is amiss: that is a finding. */
export interface VmmDoctor {
  /** Its programs, and what they are asked themselves. */
  readonly checks: readonly VmmCheck[];
  /** How guests of it are run here. Asked of the VMM in force. */
  acceleration(question: VmmQuestion): Promise<Finding>;
  /** Whether its guests can reach diod over vsock. Asked of the VMM in force. @param diod for people. @param isWanted the share in force is that */
  vsock(diod: string, isWanted: boolean): Finding;
}

/** One thing that is looked at, with these settings. */
export interface VmmCheck {
  group: "VM" | "shares";
  name: string;
  /** No VM can run when it fails. */
  isNeeded: boolean;
  run(question: VmmQuestion): Promise<Finding>;
}

/** What a check needs to know. */
export interface VmmQuestion extends Pick<Wish, "accel" | "jailer" | "confine" | "image"> {
  /** The VMM that would run a VM, for people: what another one lacks is no failure. */
  inForce: string;
}
