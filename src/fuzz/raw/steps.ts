import type { HeaderLine } from "../case.js";
import { drawBody } from "../generate/body.js";
import type { Draw } from "../generate/draw.js";
import { drawAuthority, drawLines, drawPath } from "../generate/fields.js";
import type { Vocabulary } from "../generate/vocabulary.js";

/** Which part of an exchange is handed to a stream. */
export type RawPart =
  "requestHeaders" | "requestBody" | "requestTrailers" | "responseHeaders" | "responseBody" | "responseTrailers";

/** A step that a host may take; it makes the callback of its part, and those that follow from the plugin's answer. */
export type LegalStep =
  | {
      readonly step: "headers" | "trailers";
      readonly stream: number;
      readonly part: RawPart;
      readonly lines: readonly HeaderLine[];
      readonly end: boolean;
    }
  | {
      readonly step: "body";
      readonly stream: number;
      readonly part: RawPart;
      readonly bytes: Uint8Array;
      readonly end: boolean;
    }
  | { readonly step: "close"; readonly stream: number }
  | { readonly step: "wait"; readonly ms: number };

/** A callback as no host makes it. `stream` -1 is the plugin's root context. */
export interface IllegalStep {
  readonly callback: string;
  readonly stream: number;
  readonly args: readonly number[];
}

/** Streams that are used at most. */
export const rawStreams = 3;

/** What may come next on a stream, as a client and an upstream go on that know nothing of each other. */
class Progress {
  private _request: "none" | "open" | "done" = "none";
  private _response: "none" | "open" | "done" = "none";
  closed = false;

  parts(): RawPart[] {
    if (this.closed) return [];
    if (this._request === "none") return ["requestHeaders"];
    const parts: RawPart[] = this._request === "open" ? ["requestBody", "requestBody", "requestTrailers"] : [];
    if (this._response === "none") parts.push("responseHeaders");
    if (this._response === "open") parts.push("responseBody", "responseBody", "responseTrailers");
    return parts;
  }

  took(part: RawPart, end: boolean): void {
    const state = end || part.endsWith("Trailers") ? "done" : "open";
    if (part.startsWith("request")) this._request = state;
    else this._response = state;
    if (this._response === "done") this.closed = true;
  }
}

/** Parts of up to three exchanges in any order that a host may make, clients that leave, time that passes. */
export function drawLegal(draw: Draw, words: Vocabulary): LegalStep[] {
  const streams = Array.from({ length: draw.once(2) ? 1 : draw.between(2, rawStreams) }, () => new Progress());
  const steps: LegalStep[] = [];
  for (let left = draw.between(1, 14); left > 0; left--) {
    const stream = draw.below(streams.length);
    const progress = streams[stream]!;
    if (draw.once(12)) {
      steps.push({ step: "wait", ms: draw.pick([1, 100, 60_000]) });
      continue;
    }
    if (draw.once(15)) {
      progress.closed = true;
      steps.push({ step: "close", stream });
      continue;
    }
    const parts = progress.parts();
    if (parts.length === 0) continue;
    const part = draw.pick(parts);
    const end = draw.once(3);
    progress.took(part, end);
    if (part.endsWith("Body")) steps.push({ step: "body", stream, part, bytes: drawBody(draw, words), end });
    else if (part.endsWith("Trailers"))
      steps.push({ step: "trailers", stream, part, lines: drawLines(draw, words), end: true });
    else steps.push({ step: "headers", stream, part, lines: headersOf(draw, words, part), end });
  }
  return steps;
}

function headersOf(draw: Draw, words: Vocabulary, part: RawPart): HeaderLine[] {
  const lines = drawLines(draw, words);
  if (part === "responseHeaders") return [[":status", draw.pick(["200", "204", "302", "404", "503"])], ...lines];
  const method = draw.once(2) ? "GET" : "POST";
  return [
    [":method", method],
    [":path", drawPath(draw, words)],
    [":authority", drawAuthority(draw)],
    [":scheme", "http"],
    ...lines,
  ];
}

const sizes = [0, 1, 2, 7, 1000, 0x7fff_ffff, 0xffff_ffff];

/** Callbacks on contexts that were never made, are gone, or are not what the callback is for; counts and sizes that are lies. */
export function drawIllegal(draw: Draw, callbacks: readonly string[]): IllegalStep[] {
  return draw.list(draw.between(1, 10), () => ({
    callback: draw.pick(callbacks),
    stream: draw.between(-1, rawStreams - 1),
    args: draw.list(4, () => draw.pick(sizes)),
  }));
}

/** Shorter lists; then empty lines and bodies. */
export function* shrinkLegal(steps: readonly LegalStep[]): Iterable<readonly LegalStep[]> {
  for (let i = 0; i < steps.length; i++) yield steps.toSpliced(i, 1);
  for (const [i, one] of steps.entries()) {
    if (one.step === "body" && one.bytes.length > 0) yield steps.with(i, { ...one, bytes: new Uint8Array(0) });
    if (one.step !== "headers" && one.step !== "trailers") continue;
    for (const [at, [name]] of one.lines.entries())
      if (!name.startsWith(":")) yield steps.with(i, { ...one, lines: one.lines.toSpliced(at, 1) });
  }
}

/** Shorter lists; then smaller numbers. */
export function* shrinkIllegal(steps: readonly IllegalStep[]): Iterable<readonly IllegalStep[]> {
  for (let i = 0; i < steps.length; i++) yield steps.toSpliced(i, 1);
  for (const [i, one] of steps.entries())
    if (one.args.some((value) => value !== 0)) yield steps.with(i, { ...one, args: one.args.map(() => 0) });
}

/** One step for a person. */
export function stepText(one: LegalStep | IllegalStep): string {
  if ("callback" in one) {
    const where = one.stream < 0 ? "the root context" : `stream ${one.stream + 1}`;
    return `${one.callback} on ${where}, (${one.args.join(", ")})`;
  }
  if (one.step === "wait") return `${one.ms} ms pass`;
  const where = `stream ${one.stream + 1}`;
  if (one.step === "close") return `${where}: the client leaves`;
  const what =
    one.step === "body"
      ? `${one.bytes.length} bytes`
      : one.lines.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ");
  return `${where}: ${one.part}${one.end ? ", the last part" : ""}: ${what}`;
}
