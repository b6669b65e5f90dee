import { expect, test } from "vitest";
import type { CardShape } from "../shape.ts";
import { cardArgs, forwarding } from "./card.ts";

test.each<[CardShape, string, string]>([
  [{ backend: "tap", queues: 1, isVhost: false }, "tap,id=net,fd=8", ""],
  [{ backend: "tap", queues: 2, isVhost: true }, "tap,id=net,fds=8:9,vhost=on,vhostfds=10:11", ",mq=on"],
  [{ backend: "passt", program: "/usr/bin/passt" }, "stream,id=net,server=on,addr.type=fd,addr.str=8", ""],
])("%o", (card, netdev, more) => {
  const device = `virtio-net-device,netdev=net,mac=02:6e:6b:00:00:01${more}`;
  expect(cardArgs(card)).toEqual(["-netdev", netdev, "-device", device]);
});

test("QEMU's own network has the addresses that the guest is told", () => {
  expect(cardArgs({ backend: "slirp" })[1]).toMatch(
    /^user,id=net,net=10.0.2.0\/24,.*ipv6-host=fd6e:6b00:0:2::2/,
  );
});

test("a port is led to the guest's address", () => {
  expect(forwarding({ protocol: "tcp", address: "127.0.0.1", hostPort: 8080, port: 80 })).toBe(
    "net tcp:127.0.0.1:8080-10.0.2.15:80",
  );
  expect(forwarding({ protocol: "udp", hostPort: 53, port: 53 })).toBe("net udp::53-10.0.2.15:53");
});
