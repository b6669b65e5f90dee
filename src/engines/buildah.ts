import type { Engine } from "./engine.ts";

/** It takes any runtime by its path, and has no names for them. */
export const buildah: Engine = {
  program: "buildah",
  configure: () => "",

  usage: ({ container, vm }) => [
    `buildah build --runtime ${vm.path} …: each RUN in a VM`,
    `buildah build --runtime ${container.path} …: each RUN on the host's kernel`,
    `export BUILDAH_RUNTIME=${vm.path}: for all that follows`,
  ],

  check: `box=$(buildah from scratch)
trap 'buildah rm "$box" >/dev/null' EXIT
buildah copy --quiet "$box" "$2" / >/dev/null
buildah run --runtime "$4" "$box" echo "$3"`,
};
