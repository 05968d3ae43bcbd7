import { HarnessError } from "../../errors.js";
import type { JsonObject } from "../envoy/scenario.js";

/** An object of Envoy's configuration, of which nothing may be overlooked: what was not asked for is an error. */
export class Reader {
  readonly where: string;
  readonly #members: Map<string, unknown>;

  constructor(json: object, where: string) {
    this.where = where;
    this.#members = new Map(Object.entries(json).filter(([, value]) => value !== undefined));
  }

  raw(name: string): unknown {
    const value = this.#members.get(name);
    this.#members.delete(name);
    return value;
  }

  text(name: string): string | undefined {
    return this.#typed(name, "string") as string | undefined;
  }

  number(name: string): number | undefined {
    return this.#typed(name, "number") as number | undefined;
  }

  flag(name: string): boolean | undefined {
    return this.#typed(name, "boolean") as boolean | undefined;
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value !== undefined && !values.includes(value as T)) this.#refuse(`${name}: ${value}`);
    return value as T | undefined;
  }

  object(name: string): Reader | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value !== "object" || value === null) this.#refuse(name);
    return new Reader(value as JsonObject, `${this.where}.${name}`);
  }

  list(name: string): Reader[] {
    const value = this.raw(name) ?? [];
    if (!Array.isArray(value)) this.#refuse(name);
    return (value as JsonObject[]).map((item, index) => new Reader(item, `${this.where}.${name}[${index}]`));
  }

  /** @throws {HarnessError} OPTION_INVALID if there is a member that was not asked for */
  done(): void {
    const left = Array.from(this.#members.keys());
    if (left.length > 0) this.#refuse(left.join(", "));
  }

  #typed(name: string, type: "string" | "number" | "boolean"): unknown {
    const value = this.raw(name);
    if (value !== undefined && typeof value !== type) this.#refuse(name);
    return value;
  }

  #refuse(what: string): never {
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot replay ${this.where} with ${what}: our proxy has nothing that corresponds`,
    );
  }
}
