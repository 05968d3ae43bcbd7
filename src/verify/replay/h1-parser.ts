import { byteString, lowerAscii, type ByteString } from "../../abi/bytes.js";
import type { Pair } from "../../abi/pairs.js";

/** A start line and fields in wire order, names in lower case. */
export interface H1Head {
  readonly line: ByteString;
  readonly fields: readonly Pair[];
}

/** How the end of a message is found: it has no body, a length, chunks, the end of the connection, or none at all. */
export type H1Framing = "none" | number | "chunked" | "close";

/** What a message consists of, in the portions in which Envoy's codec hands it on. */
export interface H1Sink {
  /** Says how the message is framed. */
  head(head: H1Head): H1Framing;
  headers(end: boolean): void;
  data(bytes: Uint8Array, end: boolean): void;
  trailers(fields: readonly Pair[]): void;
  /** The message is complete. What follows is parsed after `resume`. */
  complete(): void;
  error(details: string): void;
}

type State = "head" | "length" | "size" | "chunk" | "after-chunk" | "trailers" | "close" | "waiting" | "broken";

const none = Buffer.alloc(0);

/**
 * Reads HTTP/1 as Envoy's codec does: body bytes of one read are handed on together, and the end of a body is an empty portion.
 */
export class H1Parser {
  readonly #sink: H1Sink;
  #buffer: Buffer = none;
  #state: State = "head";
  #left = 0;
  #body: Buffer[] = [];
  #trailers: Pair[] = [];
  #held = false;
  #busy = false;

  constructor(sink: H1Sink) {
    this.#sink = sink;
  }

  /** The headers are there, and the end of the body is yet to come. */
  get inBody(): boolean {
    return this.#state !== "head" && this.#state !== "waiting" && this.#state !== "broken";
  }

  push(bytes: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    this.#run();
  }

  /** Stops handing on, or goes on. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.#run();
  }

  /** The next message may come. */
  resume(): void {
    if (this.#state !== "waiting") return;
    this.#state = "head";
    this.#run();
  }

  /** The connection ended. True if that was the end of a message. */
  finish(): boolean {
    if (this.#state !== "close") return false;
    this.#state = "waiting";
    this.#sink.data(none, true);
    this.#sink.complete();
    return true;
  }

  #run(): void {
    if (this.#busy) return;
    this.#busy = true;
    while (!this.#held && this.#step());
    this.#busy = false;
    this.#flush();
  }

  /** Handles what there is of one element; false if more bytes are needed. */
  #step(): boolean {
    switch (this.#state) {
      case "head":
        return this.#head();
      case "length":
        return this.#take(() => this.#end());
      case "chunk":
        return this.#take(() => (this.#state = "after-chunk"));
      case "size":
        return this.#size();
      case "after-chunk":
        return this.#line() !== undefined && ((this.#state = "size"), true);
      case "trailers":
        return this.#trailer();
      case "close":
        return this.#take(() => undefined);
      default:
        return false;
    }
  }

  #head(): boolean {
    // An empty line before a message is skipped.
    if (this.#buffer.length >= 2 && this.#buffer.subarray(0, 2).equals(Buffer.from("\r\n"))) {
      this.#buffer = this.#buffer.subarray(2);
    }
    const at = this.#buffer.indexOf("\r\n\r\n");
    if (at < 0) return false;
    const [line = "", ...rest] = byteString(this.#buffer.subarray(0, at)).split("\r\n");
    this.#buffer = this.#buffer.subarray(at + 4);
    const fields = rest.map(fieldOf);
    if (fields.includes(undefined)) return this.#broken();
    const framing = this.#sink.head({ line, fields: fields as Pair[] });
    if ((this.#state as State) === "broken") return false;
    if (framing === "none" || framing === 0) {
      this.#state = "waiting";
      this.#sink.headers(true);
      this.#sink.complete();
      return true;
    }
    this.#state = framing === "chunked" ? "size" : framing === "close" ? "close" : "length";
    this.#left = typeof framing === "number" ? framing : Number.POSITIVE_INFINITY;
    this.#sink.headers(false);
    return true;
  }

  #take(done: () => void): boolean {
    const part = this.#buffer.subarray(0, Math.min(this.#left, this.#buffer.length));
    if (part.length > 0) this.#body.push(part);
    this.#buffer = this.#buffer.subarray(part.length);
    this.#left -= part.length;
    if (this.#left > 0) return false;
    done();
    return true;
  }

  #size(): boolean {
    const line = this.#line();
    if (line === undefined) return false;
    if (!/^[0-9a-f]+\s*(?:;.*)?$/i.test(line)) return this.#broken();
    this.#left = Number.parseInt(line, 16);
    this.#state = this.#left === 0 ? "trailers" : "chunk";
    return true;
  }

  #trailer(): boolean {
    const line = this.#line();
    if (line === undefined) return false;
    if (line !== "") {
      const field = fieldOf(line);
      if (field === undefined) return this.#broken();
      this.#trailers.push(field);
      return true;
    }
    this.#end();
    return true;
  }

  #end(): void {
    this.#flush();
    const trailers = this.#trailers.splice(0);
    this.#state = "waiting";
    if (trailers.length > 0) this.#sink.trailers(trailers);
    else this.#sink.data(none, true);
    this.#sink.complete();
  }

  #flush(): void {
    if (this.#body.length > 0) this.#sink.data(Buffer.concat(this.#body.splice(0)), false);
  }

  #line(): string | undefined {
    const at = this.#buffer.indexOf("\r\n");
    if (at < 0) return undefined;
    const line = byteString(this.#buffer.subarray(0, at));
    this.#buffer = this.#buffer.subarray(at + 2);
    return line;
  }

  #broken(): boolean {
    this.#state = "broken";
    this.#buffer = none;
    this.#sink.error("http1.codec_error");
    return false;
  }
}

function fieldOf(line: ByteString): Pair | undefined {
  const at = line.indexOf(":");
  if (at <= 0) return undefined;
  return [lowerAscii(line.slice(0, at)), line.slice(at + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
}

/** The first value of a field. */
export const valueOf = (fields: readonly Pair[], name: string): ByteString | undefined =>
  fields.find(([have]) => have === name)?.[1];

/** How a body is framed that may be there: undefined if neither field says so. */
export function framingOf(fields: readonly Pair[]): "chunked" | number | undefined {
  if (/(?:^|,)\s*chunked\s*$/i.test(valueOf(fields, "transfer-encoding") ?? "")) return "chunked";
  const length = valueOf(fields, "content-length");
  return length === undefined ? undefined : Number(length);
}
