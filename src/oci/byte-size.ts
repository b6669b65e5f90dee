/** Units of 1024, as runc, docker and Kubernetes write them: "512m", "1.5 GiB", "100". */
const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtp])?i?b?$/i;
const UNITS = ["", "k", "m", "g", "t", "p"];

/** The bytes that a text names; undefined: it names none, or more than 64 bits hold. */
export function bytesIn(text: string): bigint | undefined {
  const [, number = "", unit = ""] = SIZE.exec(text) ?? [];
  if (number === "") return undefined;
  const factor = 1024n ** BigInt(UNITS.indexOf(unit.toLowerCase()));
  const bytes = number.includes(".")
    ? BigInt(Math.trunc(Number(number) * Number(factor)))
    : BigInt(number) * factor;
  return bytes < 2n ** 63n ? bytes : undefined;
}
