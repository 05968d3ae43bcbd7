import { limits } from "../abi/limits.js";
import { nameOf, Status } from "../abi/enums.js";
import type { FunctionDescriptor } from "../vm/import-function.js";

/** A host function as traces need it. */
export type TracedFunction = Pick<FunctionDescriptor, "name" | "params" | "result">;

/** A hostcall that was made. */
export interface HostcallEvent {
  readonly kind: "hostcall";
  readonly contextId: number;
  readonly descriptor: TracedFunction;
  /** Decoded arguments by name, the raw numbers where a check refused them, or nothing where they could not be read. */
  readonly args: unknown;
  /** What the hostcall's body answered. */
  readonly outcome: unknown;
  readonly status: number;
}

/** A callback began. */
export class EnterEvent {
  readonly contextId: number;
  readonly callback: string;
  /** What it returned, once it has: undefined before, and where it returns nothing. */
  result: number | undefined = undefined;
  private readonly arity: number;
  private readonly a: number;
  private readonly b: number;
  private readonly c: number;
  private readonly d: number;

  /** @param arity How many parameters the callback has, its context included. */
  constructor(contextId: number, callback: string, arity: number, a: number, b: number, c: number, d: number) {
    this.contextId = contextId;
    this.callback = callback;
    this.arity = arity;
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
  }

  get kind(): "enter" {
    return "enter";
  }

  get args(): readonly number[] {
    return [this.contextId, this.a, this.b, this.c, this.d].slice(0, this.arity);
  }
}

/** A callback returned. Only in a full trace: the last few events say it with its beginning. */
export interface LeaveEvent {
  readonly kind: "leave";
  readonly contextId: number;
  readonly callback: string;
  /** Undefined where it returns nothing. */
  readonly result: number | undefined;
}

/** Something that crossed the border between host and guest. */
export type TraceEvent = HostcallEvent | EnterEvent | LeaveEvent;

/**
 * Remembers what crossed the border: always the last few events, for the report of a trap; all of them on request.
 *
 * Values are kept as they were decoded and turned into text only when somebody reads them.
 */
export class Trace {
  private readonly ring: (TraceEvent | undefined)[] = Array.from({ length: limits.recentEvents }, () => undefined);
  /** Events noted since the last `clear`; the next one goes to this number modulo the ring's length. */
  private noted = 0;
  /** Every event since tracing was asked for; undefined when it was not. */
  events: TraceEvent[] | undefined = undefined;

  note(event: TraceEvent): void {
    this.ring[this.noted++ & (limits.recentEvents - 1)] = event;
    if (this.events !== undefined) this.events.push(event);
  }

  /** The callback that began with `event` has returned. */
  leave(event: EnterEvent, result: number | undefined): void {
    event.result = result;
    const { contextId, callback } = event;
    if (this.events !== undefined) this.events.push({ kind: "leave", contextId, callback, result });
  }

  /** The last events, oldest first. */
  recent(): readonly TraceEvent[] {
    const size = this.ring.length;
    const count = Math.min(this.noted, size);
    return Array.from({ length: count }, (_, i) => this.ring[(this.noted - count + i) % size]!);
  }

  clear(): void {
    this.noted = 0;
    if (this.events !== undefined) this.events = [];
  }
}

/** One event as a line: `proxy_get_shared_data(key: "k") -> NotFound`. */
export function formatEvent(event: TraceEvent): string {
  switch (event.kind) {
    case "enter":
      return `${event.callback}(${event.args.join(", ")})`;
    case "leave":
      return `${event.callback} returned ${event.result ?? "void"}`;
    case "hostcall":
      return formatHostcall(event);
  }
}

function formatHostcall({ descriptor: f, args, outcome, status }: HostcallEvent): string {
  let inputs: string;
  if (Array.isArray(args)) inputs = args.join(", ");
  else inputs = args === undefined ? "?" : formatValues(f, args as Record<string, unknown>, "decode");
  const outputs =
    typeof outcome === "object" && outcome !== null
      ? formatValues(f, outcome as Record<string, unknown>, "encode")
      : "";
  let result = "";
  if (f.result === "status") result = nameOf(Status, status);
  else if (f.result === "errno") result = status === 0 ? "0" : `errno ${status}`;
  else if (f.result === "value") result = String(status);
  const answer = [result, outputs].filter(Boolean).join(", ");
  return `${f.name}(${inputs})${answer && ` -> ${answer}`}`;
}

function formatValues(f: TracedFunction, values: Record<string, unknown>, way: "decode" | "encode"): string {
  const shown: string[] = [];
  for (const [name, parameter] of Object.entries(f.params)) {
    if (parameter[way] === undefined || values[name] === undefined) continue;
    shown.push(`${name}: ${parameter.show(values[name] as never)}`);
  }
  return shown.join(", ");
}
