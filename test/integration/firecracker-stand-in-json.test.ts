// What serde_json says of bodies it refuses; the longer ones are from Firecracker's own tests (api_server/request/snapshot.rs).
import { expect, test } from "vitest";
import {
  bool,
  decode,
  list,
  oneOf,
  optional,
  otherwise,
  required,
  struct,
  text,
  u8,
} from "../fakes/firecracker/serde/decode.ts";

const backend = struct("Backend", {
  backend_path: required(text),
  backend_type: required(oneOf(["File", "Uffd"])),
});
const load = struct("Load", {
  snapshot_path: required(text),
  mem_backend: optional(backend),
  resume_vm: otherwise(bool, false),
  names: otherwise(list(text), []),
  count: optional(u8),
});

test.each([
  [
    `{
            "snapshot_path": "foo",
            "mem_backend": {
                "backend_path": "bar"
            }
        }`,
    "missing field `backend_type` at line 5 column 13",
  ],
  [
    `{
            "snapshot_path": "foo",
            "mem_backend": {
                "backend_type": "File",
            }
        }`,
    "trailing comma at line 5 column 13",
  ],
  [
    `{
            "mem_backend": {
                "backend_path": "bar",
                "backend_type": "Uffd"
            }
        }`,
    "missing field `snapshot_path` at line 6 column 9",
  ],
  ["", "EOF while parsing a value at line 1 column 0"],
  ["{", "EOF while parsing an object at line 1 column 1"],
  ['{"snapshot_path": 1}', "invalid type: integer `1`, expected a string at line 1 column 19"],
  ['{"snapshot_path": null}', "invalid type: null, expected a string at line 1 column 22"],
  ['{"snapshot_path": "a" "b"}', "expected `,` or `}` at line 1 column 23"],
  ['{"snapshot_path" "b"}', "expected `:` at line 1 column 18"],
  ['{"snapshot_path": "a"} x', "trailing characters at line 1 column 24"],
  [
    '{"snapshot_path": "a", "count": 1.5}',
    "invalid type: floating point `1.5`, expected u8 at line 1 column 35",
  ],
  [
    '{"snapshot_path": "a", "resume_vm": "no"}',
    'invalid type: string "no", expected a boolean at line 1 column 40',
  ],
  ['{"snapshot_path": "a", "snapshot_path": "b"}', "duplicate field `snapshot_path` at line 1 column 38"],
  ["{x: 1}", "key must be a string at line 1 column 2"],
  ["true", "invalid type: boolean `true`, expected struct Load at line 1 column 4"],
])("%s: %s", (body, message) => {
  expect(() => decode(load, Buffer.from(body))).toThrow(expect.objectContaining({ message }));
});

test("what may be left out is filled in, in the order of the type", () => {
  const found = decode(load, Buffer.from('{"names": ["b", "\\u00e4\\n"], "snapshot_path": "a"}'));
  expect(JSON.stringify(found)).toBe(
    '{"snapshot_path":"a","mem_backend":null,"resume_vm":false,"names":["b","ä\\n"],"count":null}',
  );
});
