import type { LogLine } from "./recording.js";

/** As Envoy prints it: 32 bit without a sign. One that JavaScript cannot hold exactly stays text. */
export type TraceNumber = number | string;

/** A call across the border, with the calls made during it. */
export interface TraceCall {
  /** `callback`: host to guest; `hostcall`: guest to host. */
  readonly kind: "callback" | "hostcall";
  /** Without `env.`; other modules stay: `wasi_snapshot_preview1.fd_write`. */
  readonly name: string;
  readonly args: readonly TraceNumber[];
  /** `void`; undefined if it never returned: a trap. */
  readonly result?: TraceNumber | "void";
  readonly inner?: readonly TraceEntry[];
}

/** Crossings in order, and between them what was logged: a guest's text or a message of Envoy's own. */
export type TraceEntry = TraceCall | { readonly kind: "log"; readonly line: LogLine };

interface Draft {
  kind: "callback" | "hostcall";
  name: string;
  args: readonly TraceNumber[];
  result?: TraceNumber | "void";
  inner: TraceEntry[];
}

const crossing = /^\[(host->vm|host<-vm|vm->host|vm<-host)\] (?:env\.)?([\w.]+)(?:\((.*)\)| return: (.*))$/;

/** The conversation between one thread's guests and Envoy, from the lines that level `trace` of the logger `wasm` gives. */
export function parseTrace(lines: Iterable<LogLine>): TraceEntry[] {
  const top: TraceEntry[] = [];
  const open: Draft[] = [];
  for (const line of lines) {
    const place = open.at(-1)?.inner ?? top;
    const [, direction, name, args, result] = ("logger" in line && crossing.exec(line.message)) || [];
    if (direction === undefined || name === undefined) {
      if (!isChatter(line)) place.push({ kind: "log", line });
      if ("logger" in line) unwind(open, line.message);
    } else if (args !== undefined) {
      const draft: Draft = {
        kind: direction === "host->vm" ? "callback" : "hostcall",
        name,
        args: args === "" ? [] : args.split(", ").map(numberOf),
        inner: [],
      };
      place.push(draft);
      open.push(draft);
    } else {
      const draft = open.findLast((call) => call.name === name);
      if (draft === undefined) continue;
      draft.result = result === "void" ? "void" : numberOf(result ?? "");
      open.length = open.indexOf(draft);
    }
  }
  return top.map(finished);
}

function numberOf(text: string): TraceNumber {
  const number = Number(text);
  return Number.isSafeInteger(number) && text !== "" ? number : text;
}

/** A trap: the callback it names, and all inside it, never return. */
function unwind(open: Draft[], message: string): void {
  const [, failed] = /^Function: (\S+) failed:/.exec(message) ?? [];
  const index = open.findLastIndex((call) => call.name === failed);
  if (index >= 0) open.length = index;
}

/** What Envoy itself says at trace and debug level about its VMs. */
const isChatter = (line: LogLine): boolean => "logger" in line && (line.level === "trace" || line.level === "debug");

function finished(entry: TraceEntry): TraceEntry {
  if (entry.kind === "log" || entry.inner === undefined) return entry;
  const { inner, ...rest } = entry;
  return inner.length === 0 ? rest : { ...rest, inner: inner.map(finished) };
}
