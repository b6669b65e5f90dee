import { expect, it } from "vitest";
import { eventService } from "./event-service.ts";

const address = "/run/containerd/containerd.sock.ttrpc";
const env = { TTRPC_ADDRESS: address };

it("is the containerd whose shim has called", () => {
  const bundle = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/box";
  expect(eventService(bundle, env)).toEqual({ address, namespace: "k8s.io" });
  expect(eventService(bundle, {})).toBeUndefined();
  expect(eventService(bundle, { TTRPC_ADDRESS: "vsock://2:1" })).toBeUndefined();
});

it("is none for who has inherited the environment of a shim", () => {
  expect(eventService("/home/me/bundle", env)).toBeUndefined();
});
