import { demangle } from "./demangle.js";
import type { LineTable } from "./dwarf-lines.js";
import { lineTable } from "./dwarf-lines.js";
import type { ModuleInfo } from "./module-types.js";
import { functionNames } from "./name-section.js";

/** One function of the guest that was running when an error was made. */
export interface GuestFrame {
  /** Imported functions come first, as in the module. */
  readonly functionIndex: number;
  /** From the name section, demangled as Envoy does it; else the name of an export. */
  readonly functionName?: string;
  readonly nameFrom?: "name section" | "export";
  /** Offset in the file of the instruction: the one that trapped, or the call above it. */
  readonly offset: number;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

interface Symbols {
  readonly names: ReadonlyMap<number, string>;
  readonly exports: ReadonlyMap<number, string>;
  readonly lines: LineTable;
}

/** Read once a module, when its first error comes. */
const symbols = new WeakMap<ModuleInfo, Symbols>();

function symbolsOf(info: ModuleInfo, bytes: Uint8Array): Symbols {
  let found = symbols.get(info);
  if (found === undefined) {
    const functions = info.exports.filter((one) => one.kind === "function");
    found = {
      names: functionNames(info, bytes),
      exports: new Map(functions.map((one) => [one.index, one.name])),
      lines: lineTable(info, bytes),
    };
    symbols.set(info, found);
  }
  return found;
}

/** Whether the module's name section names a function, be it one that has no part in an error. */
export const namesFunctions = (info: ModuleInfo, bytes: Uint8Array): boolean => symbolsOf(info, bytes).names.size > 0;

/** `    at name (wasm://wasm/module-0a479972:wasm-function[12]:0x1a2b)`; name and brackets may be missing. */
const location = /wasm:\/\/wasm\/((?:(?!wasm:\/\/).)*):wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;

/**
 * The guest's part of an error's stack, innermost first. None when the error was not made below the guest.
 *
 * `info` and `bytes` must be those of the module that ran, `originalOffset` leads from its offsets to theirs; frames of any other module in the
 * stack are left out.
 */
export function guestFrames(
  error: Error,
  info: ModuleInfo,
  bytes: Uint8Array,
  originalOffset = (offset: number): number => offset,
): GuestFrame[] {
  const stack = error.stack ?? "";
  const messageAt = stack.indexOf(error.message); // a message may hold anything, a stack too
  const lines = stack.slice(messageAt < 0 ? 0 : messageAt + error.message.length).split("\n");
  const frames: GuestFrame[] = [];
  let innermost: string | undefined;
  for (const line of lines) {
    const match = location.exec(line);
    if (match === null) continue;
    const [, module, index, offset] = match;
    innermost ??= module;
    if (module !== innermost) continue;
    frames.push(guestFrame(Number(index), originalOffset(Number.parseInt(offset!, 16)), info, bytes));
  }
  return frames;
}

function guestFrame(functionIndex: number, offset: number, info: ModuleInfo, bytes: Uint8Array): GuestFrame {
  const { names, exports, lines } = symbolsOf(info, bytes);
  const name = names.get(functionIndex);
  const exportName = exports.get(functionIndex);
  return {
    functionIndex,
    offset,
    ...(name !== undefined
      ? { functionName: demangle(name), nameFrom: "name section" }
      : exportName !== undefined && { functionName: exportName, nameFrom: "export" }),
    ...lines.lookup(offset - (info.codeSection?.start ?? 0)),
  };
}

/** A line each for a person: `  0:  0x1a2b - divide (lib/divide.h:3:12)`. Of a path, the file and its folder are shown. */
export function formatFrames(frames: readonly GuestFrame[]): string[] {
  return frames.map((frame, i) => {
    const name = frame.functionName ?? unknownName(frame);
    if (frame.file === undefined) return formatFrame(i, frame, name);
    const file = frame.file.split(/[/\\]/).slice(-2).join("/");
    return formatFrame(i, frame, `${name} (${file}:${frame.line}:${frame.column})`);
  });
}

/** The lines below `Proxy-Wasm plugin in-VM backtrace:`, which know no exports and no source lines. [E] */
export function envoyBacktrace(frames: readonly GuestFrame[], most: number): string[] {
  return frames
    .slice(0, most)
    .map((frame, i) =>
      formatFrame(i, frame, frame.nameFrom === "name section" ? frame.functionName! : unknownName(frame)),
    );
}

function unknownName(frame: GuestFrame): string {
  return `unknown(function index:${frame.functionIndex})`;
}

function formatFrame(i: number, frame: GuestFrame, text: string): string {
  return `${String(i).padStart(3)}:  0x${frame.offset.toString(16)} - ${text}`;
}

/** Frames of an error that are kept, hosts' and guest's together. */
export const stackFrames = 100;

/**
 * Makes a call into a guest whose errors shall tell of up to `frames` frames, hosts' and guest's together.
 *
 * V8 keeps only 10, in `Error.stackTraceLimit`, which belongs to the whole process: it is put back afterwards.
 */
export function withStackFrames<T>(call: () => T, frames = stackFrames): T {
  const before = Error.stackTraceLimit;
  if (before < frames) Error.stackTraceLimit = frames;
  try {
    return call();
  } finally {
    Error.stackTraceLimit = before;
  }
}
