/** What a check of `doctor` found on this host. */
export interface Finding {
  status: "ok" | "warn" | "fail";
  found: string;
  /** What to do about it: a command where there is one. */
  mend?: string;
  /** More, for programs and for whoever looks into it: in the JSON only. */
  detail?: string;
}

export const ok = (found: string): Finding => ({ status: "ok", found });
export const warn = (found: string, mend: string): Finding => ({ status: "warn", found, mend });
/** Something else has to be mended first; the verdict names that. */
export const notChecked = (first: string): Finding => warn("not checked", `the ${first} comes first`);
export const fail = (found: string, mend: string): Finding => ({ status: "fail", found, mend });

/** What is amiss with something: a failure when these settings need it, a note otherwise. */
export const lacking = (isNeeded: boolean): typeof fail => (isNeeded ? fail : warn);

export const withDetail = (finding: Finding, detail: string | undefined): Finding =>
  detail === undefined ? finding : { ...finding, detail };
