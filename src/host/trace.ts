import { limits } from "../abi/limits.js";
import { nameOf, Status } from "../abi/enums.js";
import type { FunctionDescriptor } from "../vm/import-function.js";

/** A host function as traces need it. */
export type TracedFunction = Pick<FunctionDescriptor, "name" | "params" | "result">;

/** Something that crossed the border between host and guest. */
export type TraceEvent =
  | {
      readonly kind: "hostcall";
      readonly contextId: number;
      readonly descriptor: TracedFunction;
      /** Decoded arguments by name, or the raw numbers where a check refused them. */
      readonly args: Readonly<Record<string, unknown>> | readonly unknown[] | undefined;
      readonly outcome: unknown;
      readonly status: number;
    }
  | { readonly kind: "enter"; readonly contextId: number; readonly callback: string; readonly args: readonly number[] }
  | { readonly kind: "leave"; readonly contextId: number; readonly callback: string; readonly result: number | "void" };

/** One place of the ring, used again and again: the hot path makes no object of its own. */
interface Slot {
  kind: TraceEvent["kind"];
  contextId: number;
  descriptor: TracedFunction | undefined;
  callback: string;
  /** Arguments of a callback. */
  readonly numbers: number[];
  /** Arguments of a hostcall. */
  args: unknown;
  outcome: unknown;
  /** Of a hostcall; the number of arguments of a callback. */
  status: number;
}

const emptySlot = (): Slot => ({
  kind: "leave",
  contextId: 0,
  descriptor: undefined,
  callback: "",
  numbers: [0, 0, 0, 0, 0],
  args: undefined,
  outcome: undefined,
  status: 0,
});

/**
 * Remembers what crossed the border: always the last few events, for the report of a trap; all of them on request.
 *
 * Values are kept as they were decoded and turned into text only when somebody reads them.
 */
export class Trace {
  readonly #ring: Slot[] = Array.from({ length: limits.recentEvents }, emptySlot);
  /** Events noted since the last `clear`; the next one goes to this number modulo the ring's length. */
  #noted = 0;
  /** Every event since tracing was asked for; undefined when it was not. */
  events: TraceEvent[] | undefined;
  /** Hostcalls made since the VM was created. */
  hostcalls = 0;

  hostcall(contextId: number, descriptor: TracedFunction, args: unknown, outcome: unknown, status: number): void {
    this.hostcalls++;
    const slot = this.#slot();
    slot.kind = "hostcall";
    slot.contextId = contextId;
    slot.descriptor = descriptor;
    slot.args = args;
    slot.outcome = outcome;
    slot.status = status;
    if (this.events !== undefined) this.events.push(eventOf(slot));
  }

  /** @param arity How many parameters the callback has, its context included. */
  enter(contextId: number, callback: string, arity: number, a: number, b: number, c: number, d: number): void {
    const slot = this.#slot();
    slot.kind = "enter";
    slot.contextId = contextId;
    slot.callback = callback;
    slot.status = arity;
    const args = slot.numbers;
    args[0] = contextId;
    args[1] = a;
    args[2] = b;
    args[3] = c;
    args[4] = d;
    if (this.events !== undefined) this.events.push(eventOf(slot));
  }

  leave(contextId: number, callback: string, result: number | undefined): void {
    const slot = this.#slot();
    slot.kind = "leave";
    slot.contextId = contextId;
    slot.callback = callback;
    slot.outcome = result;
    if (this.events !== undefined) this.events.push(eventOf(slot));
  }

  /** The last events, oldest first. */
  recent(): readonly TraceEvent[] {
    const count = Math.min(this.#noted, this.#ring.length);
    return Array.from({ length: count }, (_, i) => eventOf(this.#ring[(this.#noted - count + i) % this.#ring.length]!));
  }

  clear(): void {
    this.#noted = 0;
    if (this.events !== undefined) this.events = [];
  }

  #slot(): Slot {
    return this.#ring[this.#noted++ % limits.recentEvents]!;
  }
}

function eventOf(slot: Slot): TraceEvent {
  const { kind, contextId, callback } = slot;
  if (kind === "enter") return { kind, contextId, callback, args: slot.numbers.slice(0, slot.status) };
  if (kind === "leave") return { kind, contextId, callback, result: (slot.outcome as number | undefined) ?? "void" };
  return {
    kind,
    contextId,
    descriptor: slot.descriptor!,
    args: slot.args as readonly unknown[] | undefined,
    outcome: slot.outcome,
    status: slot.status,
  };
}

/** One event as a line: `proxy_get_shared_data(key: "k") -> NotFound`. */
export function formatEvent(event: TraceEvent): string {
  switch (event.kind) {
    case "enter":
      return `${event.callback}(${event.args.join(", ")})`;
    case "leave":
      return `${event.callback} returned ${event.result}`;
    case "hostcall":
      return formatHostcall(event.descriptor, event.args, event.outcome, event.status);
  }
}

function formatHostcall(f: TracedFunction, args: unknown, outcome: unknown, status: number): string {
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
  return `${f.name}(${inputs}) -> ${[result, outputs].filter(Boolean).join(", ")}`;
}

function formatValues(f: TracedFunction, values: Record<string, unknown>, way: "decode" | "encode"): string {
  const shown: string[] = [];
  for (const [name, parameter] of Object.entries(f.params)) {
    if (parameter[way] === undefined || values[name] === undefined) continue;
    shown.push(`${name}: ${parameter.show(values[name] as never)}`);
  }
  return shown.join(", ");
}
