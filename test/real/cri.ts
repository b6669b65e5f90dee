import { fileURLToPath } from "node:url";
import { credentials, loadPackageDefinition, type Client, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const PROTO = fileURLToPath(new URL("cri.proto", import.meta.url));
const DEADLINE_MS = 120_000;

type Message = Record<string, unknown>;
type Method = (
  request: Message,
  options: { deadline: number },
  done: (error: ServiceError | null, answer: Message) => void,
) => void;

/** Kubernetes' side of the Container Runtime Interface: what a kubelet asks of containerd. */
export class Cri implements Disposable {
  private readonly client: Client & Record<string, Method | undefined>;

  constructor(socket: string) {
    const { runtime } = loadPackageDefinition(
      loadSync(PROTO, { longs: Number, keepCase: true, defaults: true }),
    );
    const { RuntimeService } = (
      runtime as unknown as { v1: { RuntimeService: new (...args: unknown[]) => Cri["client"] } }
    ).v1;
    this.client = new RuntimeService(`unix://${socket}`, credentials.createInsecure());
  }

  /** @throws the status of the call */
  call(name: string, request: Message): Promise<Message> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + DEADLINE_MS };
      this.client[name]?.(request, options, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  }

  async exec(container: string, ...cmd: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const answer = await this.call("ExecSync", { container_id: container, cmd, timeout: 60 });
    const {
      stdout,
      stderr,
      exit_code: code,
    } = answer as { stdout: Buffer; stderr: Buffer; exit_code: number };
    return { code, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}
