import { specTemplate } from "../oci/spec-template.ts";
import { NkError } from "../base/errors.ts";
import type { ImageConfig } from "./image-config.ts";
import type { ImageUser } from "./image-user.ts";

/** What is asked for beyond what the image says. */
export interface ProcessChoice {
  /** In place of the image's command; its entry point stays. Empty: none. */
  command: readonly string[];
  terminal: boolean;
}

/** What docker and podman give a container. */
const CAPABILITIES = [
  "CAP_AUDIT_WRITE",
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_MKNOD",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** image-spec conversion.md. Labels are not taken over: some annotations would be settings of the host. */
const STOP_SIGNAL = "org.opencontainers.image.stopSignal";

/** The config.json of an image's bundle. @throws BAD_CONFIG when nobody says what is to run */
export function bundleConfig(
  image: ImageConfig,
  user: ImageUser,
  hostname: string,
  { command, terminal }: ProcessChoice,
): Record<string, unknown> {
  const args = [...image.entrypoint, ...(command.length > 0 ? command : image.cmd)];
  if (args.length === 0)
    throw new NkError("BAD_CONFIG", "the image has no command of its own: name one after ID");
  const { process: _process, root: _root, ...rest } = specTemplate();
  const { uid, gid, additionalGids } = user;
  return {
    ...rest,
    hostname,
    root: { path: "rootfs" },
    process: {
      terminal,
      user: { uid, gid, ...(additionalGids.length > 0 && { additionalGids }) },
      args,
      env: environment(image.env, user.home, terminal),
      cwd: image.workingDir.startsWith("/") ? image.workingDir : "/",
      capabilities: capabilities(uid === 0),
      noNewPrivileges: false,
    },
    ...(image.stopSignal !== undefined && { annotations: { [STOP_SIGNAL]: image.stopSignal } }),
  };
}

/** Another user gains them by a program that has them, or not at all. */
function capabilities(isRoot: boolean): Record<string, string[]> {
  const mine = isRoot ? CAPABILITIES : [];
  return { bounding: CAPABILITIES, effective: mine, permitted: mine };
}

function environment(env: readonly string[], home: string | undefined, terminal: boolean): string[] {
  const has = (name: string): boolean => env.some((entry) => entry.startsWith(`${name}=`));
  return [
    ...(has("PATH") ? [] : [PATH]),
    ...env,
    ...(has("HOME") || home === undefined ? [] : [`HOME=${home}`]),
    ...(has("TERM") || !terminal ? [] : ["TERM=xterm"]),
  ];
}
