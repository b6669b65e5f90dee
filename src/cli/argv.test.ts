import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NkError } from "../base/errors.ts";
import { parseWords } from "./argv.ts";
import type { OptionSpec } from "./options.ts";

const OPTIONS: OptionSpec[] = [
  { name: "bundle", short: "b", type: "text", value: "DIR", help: "" },
  { name: "env", short: "e", type: "text", many: true, help: "" },
  { name: "detach", short: "d", type: "switch", help: "" },
  { name: "tty", short: "t", type: "switch", help: "" },
  { name: "no-subreaper", type: "switch", help: "" },
  { name: "preserve-fds", type: "number", help: "" },
  { name: "format", short: "f", type: "text", choices: ["table", "json"], help: "" },
];

function parse(words: string[], stopAtFirstPositional = false) {
  const { flags, positionals } = parseWords(words, {
    options: OPTIONS,
    stopAtFirstPositional,
    where: "cmd: ",
  });
  return {
    bundle: flags.text("bundle"),
    env: flags.texts("env"),
    detach: flags.switch("detach"),
    tty: flags.switch("tty"),
    positionals,
  };
}

const NOTHING = { bundle: undefined, env: [], detach: false, tty: false, positionals: [] };

describe("parseWords", () => {
  it.each<[string[], object]>([
    [[], {}],
    [["--bundle", "/x", "id"], { bundle: "/x", positionals: ["id"] }],
    [["--bundle=/x", "id"], { bundle: "/x", positionals: ["id"] }],
    [["-b", "/x"], { bundle: "/x" }],
    [["-b=/x"], { bundle: "/x" }],
    [["-b/x"], { bundle: "/x" }],
    [["-bundle", "/x"], { bundle: "/x" }],
    [["-bundle=/x"], { bundle: "/x" }],
    [["--bundle", "-x"], { bundle: "-x" }],
    [["--bundle", "--detach"], { bundle: "--detach" }],
    [["--bundle", "-detach"], { bundle: "-detach" }],
    [["--bundle="], { bundle: "" }],
    [["--bundle", "a", "--bundle", "b"], { bundle: "b" }],
    [["-e", "A=1", "--env=B=2"], { env: ["A=1", "B=2"] }],
    [["--detach=false"], {}],
    [["--detach=true"], { detach: true }],
    [["--detach=T", "-d=0"], {}],
    [["-dt"], { detach: true, tty: true }],
    [["-no-subreaper", "id"], { positionals: ["id"] }],
    [["id", "--detach"], { detach: true, positionals: ["id"] }],
    [["--", "--detach"], { positionals: ["--detach"] }],
  ])("reads %j", (words, expected) => {
    expect(parse(words)).toEqual({ ...NOTHING, ...expected });
  });

  it.each<[string[], object]>([
    [["id", "sh", "-c", "x", "--foo", "-d"], { positionals: ["id", "sh", "-c", "x", "--foo", "-d"] }],
    [["-t", "-e", "A=-1", "id", "--bundle"], { tty: true, env: ["A=-1"], positionals: ["id", "--bundle"] }],
    [["-t", "id", "--", "ls"], { tty: true, positionals: ["id", "--", "ls"] }],
    [["id", "-bundle"], { positionals: ["id", "-bundle"] }],
  ])("leaves what follows the first positional alone: %j", (words, expected) => {
    expect(parse(words, true)).toEqual({ ...NOTHING, ...expected });
  });

  it.each<[string[], RegExp]>([
    [["--bundel=x"], /^cmd: unknown option --bundel: did you mean --bundle\? \(nk-runtime cmd --help\)$/],
    [["--zzzzzz"], /^cmd: unknown option --zzzzzz \(nk-runtime cmd --help\)$/],
    [["-z"], /unknown option -z/],
    [["--bundle"], /option --bundle needs a value: --bundle DIR/],
    [["--detach=maybe"], /option --detach: expected true or false, found "maybe"/],
    [["--preserve-fds", "x"], /option --preserve-fds: expected a whole number, found "x"/],
    [["--preserve-fds", "-1"], /expected a whole number/],
    [["-f", "xml"], /option -f: expected table or json, found "xml"/],
    [["-f=xml"], /option --format: expected table or json, found "xml"/],
  ])("refuses %j in one line that names the mend", (words, message) => {
    let thrown: unknown;
    try {
      parse(words);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(NkError);
    const { code, message: text } = thrown as NkError;
    expect(code).toBe("USAGE");
    expect(text).toMatch(message);
    expect(text).not.toContain("\n");
  });

  const value = fc.string({ minLength: 1 });
  const plainWord = fc.string({ minLength: 1 }).filter((word) => !word.startsWith("-"));

  it("gives back any value and any command, however they look", () => {
    fc.assert(
      fc.property(value, fc.array(value), plainWord, fc.array(fc.string()), (bundle, env, id, command) => {
        const words = [
          "--bundle",
          bundle,
          ...env.flatMap((entry) => ["-e", entry]),
          "--detach",
          id,
          ...command,
        ];
        expect(parse(words, true)).toEqual({
          bundle,
          env,
          detach: true,
          tty: false,
          positionals: [id, ...command],
        });
      }),
    );
  });

  it("never throws anything but a usage error", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.boolean(), (words, stop) => {
        try {
          parse(words, stop);
        } catch (error) {
          expect((error as NkError).code).toBe("USAGE");
        }
      }),
    );
  });
});
