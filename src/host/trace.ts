import { limits } from "../abi/limits.js";
import { nameOf, Status } from "../abi/enums.js";
import { byteString } from "../abi/bytes.js";
import type { FunctionDescriptor } from "../vm/import-function.js";
import { quote } from "../vm/parameters.js";
import type { LogBook } from "./log-book.js";

/** Length of the ring, a power of two. */
const size = limits.recentEvents;
/** Numbers kept of a callback. */
const width = 6;

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
export interface EnterEvent {
  readonly kind: "enter";
  readonly contextId: number;
  readonly callback: string;
  /** Its context first. */
  readonly args: readonly number[];
}

/** A callback returned. Only a full trace has these. */
export interface LeaveEvent {
  readonly kind: "leave";
  readonly contextId: number;
  readonly callback: string;
  /** Undefined where it returns nothing. */
  readonly result: number | undefined;
}

/** Something that crossed the border between host and guest. */
export type TraceEvent = HostcallEvent | LogEvent | EnterEvent | LeaveEvent;

/** A call of `proxy_log` that was kept: the log has its text, until it is cleared. */
export interface LogEvent {
  readonly kind: "log";
  readonly log: LogBook;
  readonly line: number;
}

/**
 * Remembers what crossed the border: always the last few events, for the report of a trap; all of them on request.
 *
 * Values are kept as they were decoded and turned into text only when somebody reads them.
 */
export class Trace {
  /** Hostcalls; or the name of a callback that began; or the number of a line of the log, which tells the rest. */
  private readonly ring: (HostcallEvent | string | number)[] = Array.from({ length: size }, () => 0);
  /** Of a callback: how many arguments, and the arguments. */
  private readonly numbers = new Int32Array(size * width);
  private readonly log: LogBook;
  /** Events noted since the last `clear`; the next one goes to this number modulo the ring's length. */
  private noted = 0;
  /** Every event since tracing was asked for; undefined when it was not. */
  events: TraceEvent[] | undefined = undefined;

  constructor(log: LogBook) {
    this.log = log;
  }

  /** `proxy_log` is about to write the line of this number. */
  noteLog(line: number): void {
    this.ring[this.noted++ & (size - 1)] = line;
    if (this.events !== undefined) this.events.push({ kind: "log", log: this.log, line });
  }

  hostcall(event: HostcallEvent): void {
    this.ring[this.noted++ & (size - 1)] = event;
    if (this.events !== undefined) this.events.push(event);
  }

  /** @param arity How many parameters the callback has, its context included. */
  enter(callback: string, arity: number, contextId: number, a: number, b: number, c: number, d: number): void {
    const slot = this.noted++ & (size - 1);
    this.ring[slot] = callback;
    const { numbers } = this;
    const at = slot * width;
    numbers[at] = arity;
    numbers[at + 1] = contextId;
    numbers[at + 2] = a;
    numbers[at + 3] = b;
    numbers[at + 4] = c;
    numbers[at + 5] = d;
    if (this.events !== undefined) this.events.push(this.enterEvent(callback, slot));
  }

  /** Only a full trace tells of it. */
  leave(callback: string, contextId: number, result: number | undefined): void {
    if (this.events !== undefined) this.events.push({ kind: "leave", contextId, callback, result });
  }

  /** The last events, oldest first. */
  recent(): readonly TraceEvent[] {
    const count = Math.min(this.noted, size);
    return Array.from({ length: count }, (_, i) => {
      const slot = (this.noted - count + i) & (size - 1);
      const event = this.ring[slot]!;
      if (typeof event === "number") return { kind: "log", log: this.log, line: event };
      return typeof event === "string" ? this.enterEvent(event, slot) : event;
    });
  }

  clear(): void {
    this.noted = 0;
    if (this.events !== undefined) this.events = [];
  }

  private enterEvent(callback: string, slot: number): EnterEvent {
    const at = slot * width;
    const { numbers } = this;
    const args: number[] = [];
    for (let i = at + 1; i <= at + numbers[at]!; i++) args.push(numbers[i]! >>> 0);
    return { kind: "enter", contextId: args[0] ?? 0, callback, args };
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
    case "log": {
      const record = event.log.record(event.line);
      if (record === undefined) return "proxy_log(a line that was cleared) -> Ok";
      return `proxy_log(level: ${record.levelName}, message: ${quote(byteString(record.bytes))}) -> Ok`;
    }
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
