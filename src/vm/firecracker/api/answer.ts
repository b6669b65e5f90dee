import { isObject, kindOf } from "../../../base/json.ts";
import { ApiError } from "./api-error.ts";

/** Reads an answer member by member. What is missing or of another type than expected is an error of code VMM that names it. */
export class Answer {
  private readonly members: Record<string, unknown>;
  private readonly request: string;

  /** @throws ApiError when `value` is no object */
  constructor(value: unknown, request: string) {
    this.request = request;
    if (!isObject(value)) throw this.unexpected("a JSON object", value);
    this.members = value;
  }

  /** All of it, as it came. */
  all(): Record<string, unknown> {
    return this.members;
  }

  text(name: string): string {
    const value = this.members[name];
    if (typeof value === "string") return value;
    throw this.unexpected(`a string in "${name}"`, value);
  }

  /** A whole number that is not negative. */
  count(name: string): number {
    const value = this.members[name];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.unexpected(`a count in "${name}"`, value);
  }

  flag(name: string): boolean {
    const value = this.members[name];
    if (typeof value === "boolean") return value;
    throw this.unexpected(`true or false in "${name}"`, value);
  }

  object(name: string): Answer {
    return new Answer(this.members[name], `${this.request}, "${name}"`);
  }

  list(name: string): Answer[] {
    const value = this.members[name];
    if (!Array.isArray(value)) throw this.unexpected(`a list in "${name}"`, value);
    return value.map((item: unknown) => new Answer(item, `${this.request}, "${name}"`));
  }

  /** Whether Firecracker says something here, and not null. */
  has(name: string): boolean {
    return this.members[name] !== undefined && this.members[name] !== null;
  }

  private unexpected(what: string, found: unknown): ApiError {
    const { request } = this;
    return new ApiError("VMM", `expected ${what} from Firecracker (${request}), found ${kindOf(found)}`, {
      request,
      status: 200,
    });
  }
}
