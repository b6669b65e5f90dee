import { FatalFault, Fault, RequestFault } from "../http/fault.ts";
import type { Method, Request } from "../http/request.ts";
import type { Response } from "../http/response.ts";
import type { Vmm } from "../vmm.ts";
import type { Action } from "./action.ts";
import { countRequest } from "./count.ts";
import { route } from "./route.ts";

const THREAD = "fc_api";
const NAMES: Record<Method, string> = { GET: "Get", PUT: "Put", PATCH: "Patch", DELETE: "Delete" };

/** Answers requests, and tells of them in the log. */
export class Handler {
  private readonly vmm: Vmm;

  constructor(vmm: Vmm) {
    this.vmm = vmm;
  }

  async handle(request: Request): Promise<Response> {
    const { log, metrics } = this.vmm;
    log.info(`The API server received a ${described(request)}.`, THREAD);
    try {
      countRequest(metrics, request);
      const action = route(request, this.vmm.traits);
      const response = await this.perform(action);
      if (action.deprecated === undefined) return response;
      metrics.count("deprecated_api.deprecated_http_api_calls");
      log.warn(action.deprecated, THREAD);
      return { ...response, deprecated: true };
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      log.error(error.debug, THREAD);
      return faultResponse(error);
    }
  }

  private async perform(action: Action): Promise<Response> {
    const { log } = this.vmm;
    const start = process.hrtime.bigint();
    try {
      this.checkState(action);
      const body = await action.act(this.vmm);
      log.info(
        `The request was executed successfully. Status code: ${body === undefined ? "204 No Content" : "200 OK"}.`,
        THREAD,
      );
      const elapsedUs = (process.hrtime.bigint() - start) / 1000n;
      if (action.timed !== undefined) log.info(`'${action.timed}' API request took ${elapsedUs} us.`, THREAD);
      return body === undefined ? { status: 204 } : { status: 200, body };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const status = error.status === 413 ? "413 Payload too large" : "400 Bad Request";
      log.error(`Received Error. Status code: ${status}. Message: ${error.message}`, THREAD);
      return { ...faultResponse(error), last: error instanceof FatalFault };
    }
  }

  private checkState({ when }: Action): void {
    const { started } = this.vmm;
    if (when === "always" || (when === "after") === started) return;
    throw new Fault(
      `The requested operation is not supported ${started ? "after" : "before"} starting the microVM.`,
    );
  }
}

function faultResponse(fault: Fault): Response {
  return { status: fault.status, body: JSON.stringify({ fault_message: fault.message }) };
}

function described({ method, path, body }: Request): string {
  const request = `${NAMES[method]} request on ${JSON.stringify(path)}`;
  if (body === undefined || path === "/mmds") return request;
  if (path === "/cpu-config")
    return `${request}. To view the CPU template received by the API, configure log-level to DEBUG`;
  return `${request} with body ${JSON.stringify(body.toString())}`;
}
