import { buildah } from "./buildah.ts";
import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import type { Engine } from "./engine.ts";
import { podman } from "./podman.ts";

export const ENGINES: Record<string, Engine> = { podman, containerd, docker, buildah };
