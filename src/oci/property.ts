/** What VM mode does with a property: it has its effect; it is left out, without a loss or with a warning; the container is refused. */
export type Answer = "honoured" | "left out" | "warned of" | "refused";

/** A property of config.json, or some of its values, and what becomes of it. Made into docs/oci-compatibility.md. */
export interface Property {
  /** Its members from the top, `[]` for each element of an array, `*` for each member of an object. */
  path: string;
  /** The row is about these only; of an option "name=…" its name. Empty: about all that no other row names. */
  values: readonly string[];
  /** What container mode does: the host's runtime gets config.json as it is. */
  container: string;
  answer: Answer;
  /** How it is honoured, or why it is not. */
  note: string;
  /** The runtime in the VM that refuses it; undefined: both. */
  onlyIn: "crun" | undefined;
  /** It holds the whole VM on the host, so that it has no effect, but a warning, where others use the VM, too. */
  holdsVm: boolean;
  /** Of test/vm, without its suffix; undefined: nothing to see, or not ours. */
  test: string | undefined;
}

type More = Partial<Pick<Property, "container" | "onlyIn" | "holdsVm" | "test"> & { values: string }>;

/** What Debian 12's runc was seen to do in container mode. */
export const IGNORED = "runc 1.1.5 ignores it";
export const UNKNOWN = "the runtime in the VM does not know it";

/** The test that looks at most of them, in the guest. */
export const OWN_TEST = "properties";

export const honoured = (path: string, note = "", more: More = {}): Property =>
  row("honoured", path, note, more);

export const refused = (path: string, why: string, more: More = {}): Property =>
  row("refused", path, why, more);

/** For what means nothing in a guest, or names what the kernel of the host has. */
export const leftOut = (path: string, why: string, more: More = {}): Property =>
  row("left out", path, why, more);

/** For a limit that then holds nowhere, and that callers set who do not insist. */
export const warnedOf = (path: string, why: string, more: More = {}): Property =>
  row("warned of", path, why, more);

/** The same answer for some members. */
export const each = (
  names: string,
  path: string,
  answer: (path: string, note: string, more?: More) => Property,
  note = "",
  more: More = {},
): Property[] => names.split(" ").map((name) => answer(path.replace("NAME", name), note, more));

function row(answer: Answer, path: string, note: string, { values, ...more }: More): Property {
  return {
    path,
    values: values === undefined ? [] : values.split(" "),
    container: "passed on",
    answer,
    note,
    onlyIn: undefined,
    holdsVm: false,
    test: OWN_TEST,
    ...more,
  };
}
