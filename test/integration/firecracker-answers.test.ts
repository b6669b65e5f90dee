// Every answer that was recorded from a real Firecracker, read by the client.
import { describe, expect, test } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { ApiError } from "../../src/vm/firecracker/api/api-error.ts";
import { FirecrackerApi, readAnswer } from "../../src/vm/firecracker/api/api.ts";
import { getBalloon, getBalloonStatistics } from "../../src/vm/firecracker/api/balloon.ts";
import { ApiConnection } from "../../src/vm/firecracker/api/connection.ts";
import { describeInstance } from "../../src/vm/firecracker/api/describe.ts";
import { faultError } from "../../src/vm/firecracker/api/faults.ts";
import { takeAnswer, type HttpAnswer } from "../../src/vm/firecracker/api/http-answer.ts";
import { getMachineConfig } from "../../src/vm/firecracker/api/machine-config.ts";
import { getMmds } from "../../src/vm/firecracker/api/mmds.ts";
import { parseVersion } from "../../src/vm/firecracker/api/versions.ts";
import { getVmConfig } from "../../src/vm/firecracker/api/vm-config.ts";
import { RawServer } from "../../src/vm/firecracker/testing/raw-server.ts";
import {
  apiGroups,
  requestText,
  responseOf,
  responseText,
  type VectorCase,
} from "../fixtures/firecracker-vectors.ts";

interface Recorded extends VectorCase {
  group: string;
  version: string;
}

function recorded(): Recorded[] {
  return apiGroups().flatMap(({ name: group, cases }) =>
    cases.flatMap((each) =>
      ["1.16.1", ...Object.keys(each.versions ?? {})].map((version) => ({
        ...each,
        group,
        version,
        response: responseOf(each, version),
      })),
    ),
  );
}

function answerOf({ response }: Recorded): HttpAnswer {
  const taken = takeAnswer(Buffer.from(responseText(response)));
  if (taken === undefined) throw new Error("not a whole answer");
  expect(taken.rest).toHaveLength(0);
  return taken.answer;
}

/** What was sent, where it is an object. */
function bodyOf({ request }: Recorded): object | undefined {
  try {
    const value: unknown = JSON.parse(requestText(request).split("\r\n\r\n")[1] ?? "");
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What is looked for in Firecracker's words, and the error it is to become. */
const INTENDED: [said: string, code: string, message: string][] = [
  ["not supported before starting", "BAD_STATE", "takes this only once the VM runs: start it first"],
  ["not supported after starting", "BAD_STATE", "takes this only before the VM was started"],
  ["PCI is not enabled", "UNSUPPORTED", "only with PCI: attach them before the start"],
  ["unknown variant `1G`", "UNSUPPORTED", "Firecracker VERSION does not know the variant 1G: it is too old"],
  ["unknown variant", "UNSUPPORTED", "Firecracker VERSION does not know the variant"],
  ["unknown field `ht_enabled`", "UNSUPPORTED", "Firecracker VERSION does not know the field ht_enabled"],
  ["unknown field", "UNSUPPORTED", "Firecracker VERSION does not know the field"],
  [
    "The provided MAC address is invalid",
    "BAD_CONFIG",
    "MAC address that no other interface of the VM has, found xx",
  ],
  ["missing field", "INTERNAL", "did not understand the request: please report it"],
  ["invalid type", "INTERNAL", "did not understand the request: please report it"],
  ["invalid value", "INTERNAL", "did not understand the request: please report it"],
  ["EOF while parsing", "INTERNAL", "did not understand the request: please report it"],
  ["Invalid LevelFilter", "INTERNAL", "did not understand the request: please report it"],
  ["Empty PUT request", "INTERNAL", "did not understand the request: please report it"],
  ["GET request cannot have a body", "INTERNAL", "did not understand the request: please report it"],
  ["does not match the id", "INTERNAL", "did not understand the request: please report it"],
  ["API Resource IDs", "INTERNAL", "did not understand the request: please report it"],
  ["The ID cannot be empty", "INTERNAL", "did not understand the request: please report it"],
  ["Invalid request.\n", "INTERNAL", "did not understand the request: please report it"],
  ["Invalid HTTP Version", "INTERNAL", "did not understand the request: please report it"],
  ["Invalid header", "INTERNAL", "did not understand the request: please report it"],
  ["Unsupported HTTP method", "UNSUPPORTED", "Firecracker VERSION does not know this request"],
  ["Invalid request method and/or path", "UNSUPPORTED", "Firecracker VERSION does not know this request"],
  ["Request payload with size", "BAD_CONFIG", "takes no request of that size"],
  ["number of vCPUs", "BAD_CONFIG", "expected 1 to 32 CPUs for the VM, found"],
  ["memory size (MiB)", "BAD_CONFIG", "correct --vm-memory"],
  [
    "kernel file cannot be opened",
    "BAD_CONFIG",
    "cannot open the guest kernel missing: no such file or directory",
  ],
  [
    "initrd file cannot be opened",
    "BAD_CONFIG",
    "cannot open the initramfs missing: no such file or directory",
  ],
  ["command line is invalid", "BAD_CONFIG", "it has at most 2047 bytes"],
  ["without kernel configuration", "INTERNAL", "started before its kernel was named"],
  [
    "Invalid Elf magic",
    "BAD_CONFIG",
    "is no image that this Firecracker boots: name an uncompressed vmlinux",
  ],
  ["Invalid bzImage", "BAD_CONFIG", "is no image that this Firecracker boots: name an uncompressed vmlinux"],
  ["read elf header", "BAD_CONFIG", "is no image that this Firecracker boots: name an uncompressed vmlinux"],
  [
    "Invalid entry address",
    "BAD_CONFIG",
    "is no image that this Firecracker boots: name an uncompressed vmlinux",
  ],
  [
    "manipulating the backing file: No such",
    "HOST",
    "cannot open the disk missing: no such file or directory",
  ],
  [
    "root block device already",
    "VMM",
    "Firecracker refused PUT /drives/two: Drive config error: A root block",
  ],
  ["Invalid block config", "VMM", "Firecracker refused PUT /drives/d3: Drive config error"],
  ["Invalid interface name", "BAD_CONFIG", "cannot use a23456789012345678 as tap device"],
  [
    "MAC address is already in use",
    "BAD_CONFIG",
    "no other interface of the VM has, found 02:FC:00:00:00:01",
  ],
  ["busy (os error 16). Invalid TUN/TAP", "HOST", "the tap device fctap0 is in use: end the VM that has it"],
  ["Unix socket: No such file", "HOST", "cannot make the vsock socket /nonexistent/v.sock: no such file or"],
  ["shorter than SUN_LEN", "BAD_CONFIG", "the path of the vsock socket is too long: xxx"],
  ["(os error 98)", "HOST", "the vsock socket text exists already: remove it when no VM uses it"],
  ["pages requested is too large", "BAD_CONFIG", "the balloon is larger than the VM's memory (1000 MiB)"],
  ["No balloon device found", "NOT_FOUND", "the VM has no such device"],
  ["Device not found", "NOT_FOUND", "the VM has no such device"],
  ["expected different backend", "NOT_FOUND", "the VM has no such device"],
  ["Statistics cannot be enabled", "BAD_STATE", "cannot be turned on or off while the VM runs"],
  ["Failed to open snapshot file", "NOT_FOUND", "cannot open the snapshot s: no such file or directory"],
  ["bitcode error", "UNSUPPORTED", "snapshot text was not made by a Firecracker like this one (VERSION)"],
  ["bincode decoding", "UNSUPPORTED", "snapshot text was not made by a Firecracker like this one (VERSION)"],
  ["after configuring boot-specific", "BAD_STATE", "configured for a boot: load it into a new one"],
  ["unavailable while running", "BAD_STATE", "of a paused VM only: pause it first"],
  ["snapshot backing file", "HOST", "cannot write the snapshot /nonexistent/s: no such file or directory"],
  ["Failed to open target file", "HOST", "cannot write the file /nonexistent/l: no such file or directory"],
  ["bad user input: No such", "HOST", "cannot write the file /nonexistent/m: no such file or directory"],
  ["Reinitialization of metrics", "BAD_STATE", "has a file for its metrics already"],
];

const failures = recorded().filter(({ response }) => response.status >= 300);

describe("each recorded failure is the error that was intended", () => {
  test.each(failures)("$group, $version: $name", (each) => {
    const { method, path } = each.request;
    const request = `${method ?? "raw"} ${path ?? ""}`;
    const error = faultError(answerOf(each), { request, body: bodyOf(each), version: each.version });
    const row = INTENDED.find(([said]) => error.said?.includes(said));
    expect(error.code).toBe(row?.[1]);
    expect(error.message).toContain(row?.[2].replace("VERSION", each.version));
  });

  test.each(INTENDED)("%j was recorded", (said) => {
    const all = failures.map((each) => (each.response.body ?? "").replaceAll('\\"', '"'));
    expect(all.some((body) => body.includes(said))).toBe(true);
  });
});

/** How the client reads the answer to each GET. */
const READERS: Record<string, (api: FirecrackerApi, deadline: Deadline) => Promise<unknown>> = {
  "/": describeInstance,
  "/machine-config": getMachineConfig,
  "/vm/config": getVmConfig,
  "/balloon": getBalloon,
  "/balloon/statistics": getBalloonStatistics,
  "/mmds": getMmds,
};

describe("each recorded success is read", () => {
  const successes = recorded().filter(({ response }) => response.status < 300);

  test.each(successes.filter(({ response }) => response.status === 204))(
    "$group, $version: $name",
    (each) => {
      expect(answerOf(each)).toEqual({ status: 204, body: "" });
    },
  );

  test.each(successes.filter(({ response }) => response.status === 200))(
    "$group, $version: $name",
    async (each) => {
      const sent = answerOf(each).body;
      const read = READERS[each.request.path ?? ""];
      if (read === undefined) {
        expect(readAnswer(sent, each.name).text("firecracker_version")).toBe(each.version);
        return;
      }
      const value = await overSocket(responseText(each.response), (api) => read(api, Deadline.after(2000)));
      // What the client returns is what was said: nothing is made up, though some of it may be left out.
      expect(JSON.parse(sent)).toMatchObject(JSON.parse(JSON.stringify(value)) as object);
      expect(Object.keys(value as object).length).toBeGreaterThan(sent === "{}" ? -1 : 0);
    },
  );
});

async function overSocket<T>(bytes: string, read: (api: FirecrackerApi) => Promise<T>): Promise<T> {
  const server = new RawServer((socket) => socket.write(bytes));
  await server.listen();
  const api = new FirecrackerApi(new ApiConnection(server.path), parseVersion("1.16.1"));
  try {
    return await read(api);
  } finally {
    api.close();
    server.close();
  }
}

describe("an answer that is not as expected is an error that says so", () => {
  const answer = (body: string): string => `HTTP/1.1 200 \r\nContent-Length: ${body.length}\r\n\r\n${body}`;

  test.each([
    ["/", "{}", 'expected a string in "state" from Firecracker (GET /), found nothing'],
    ["/", '{"id":"a","state":"Asleep","vmm_version":"1"}', 'found "Asleep"'],
    ["/", "[]", "expected a JSON object from Firecracker (GET /), found an array"],
    ["/", "{", 'expected JSON from Firecracker (GET /), found "{"'],
    ["/", "", 'expected JSON from Firecracker (GET /), found ""'],
    ["/machine-config", '{"vcpu_count":-1}', 'expected a count in "vcpu_count"'],
    ["/machine-config", '{"vcpu_count":1,"mem_size_mib":1,"smt":1}', 'expected true or false in "smt"'],
    ["/vm/config", '{"machine-config":null}', '(GET /vm/config, "machine-config"), found null'],
    ["/balloon/statistics", '{"target_mib":1,"actual_mib":1,"swap_in":"x"}', '"swap_in"'],
  ])("%s: %s", async (path, body, message) => {
    const read = READERS[path];
    if (read === undefined) throw new Error(path);
    const reading = overSocket(answer(body), (api) => read(api, Deadline.after(2000)));
    await expect(reading).rejects.toBeInstanceOf(ApiError);
    await expect(reading).rejects.toMatchObject({ code: "VMM", message: expect.stringContaining(message) });
  });

  test("a list of drives that is none", async () => {
    const machine =
      '{"vcpu_count":1,"mem_size_mib":1,"smt":false,"track_dirty_pages":false,"huge_pages":"None"}';
    const body = `{"machine-config":${machine},"boot-source":{"kernel_image_path":""},"drives":7}`;
    const reading = overSocket(answer(body), (api) => getVmConfig(api, Deadline.after(2000)));
    await expect(reading).rejects.toThrow('expected a list in "drives"');
  });
});
