// Asks a server of a pod by a port that is forwarded, as kubectl does: forward-port.mjs URL PORT TEXT, with the URL of a PortForward. Prints what it says.
import { WebSocket } from "ws";

/** The data of the first port, and its errors, each after a message with the port (Kubernetes, pkg/kubelet/cri/streaming/portforward/websocket.go). */
const DATA = 0;
const ERROR = 1;

const [, , url = "", port = "", text = ""] = process.argv;
const socket = new WebSocket(`${url.replace(/^http/, "ws")}?port=${port}`, "v4.channel.k8s.io");
const heard = { [DATA]: 0, [ERROR]: 0 };

socket.on("open", () => socket.send(Buffer.concat([Buffer.from([DATA]), Buffer.from(text)])));
socket.on("message", (/** @type {Buffer} */ message) => {
  const channel = message[0] === DATA ? DATA : ERROR;
  heard[channel] += 1;
  if (heard[channel] === 1) return;
  if (channel === DATA) process.stdout.write(message.subarray(1));
  else process.stderr.write(message.subarray(1));
});
socket.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
