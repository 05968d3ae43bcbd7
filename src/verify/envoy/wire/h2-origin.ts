import { chunksOf, showBytes } from "../bytes.js";
import type { HeaderList, OriginSpec } from "../scenario.js";
import { type ByteStream, EndOfStream } from "./byte-stream.js";
import { H2Connection, type H2Event } from "./h2-connection.js";
import { clientPreface } from "./h2-frames.js";
import type { OriginPort, UpstreamDraft } from "./origin.js";
import type { Timeline } from "./pause.js";

/** Between the last frame and a reset, so that Envoy reads that frame first. */
const beforeResetMs = 30;
const internalError = 2;

/** Serves the streams of one connection, side by side. @throws {EndOfStream} when Envoy ends it */
export async function serveH2(origin: OriginPort, stream: ByteStream): Promise<void> {
  await stream.exactly(clientPreface.length);
  const connection = new H2Connection(stream, "server");
  const requests = new Map<number, Request>();
  try {
    for (;;) {
      const event = await connection.next();
      if (event.kind === "goaway") continue;
      let request = requests.get(event.stream);
      if (request === undefined) {
        if (event.kind !== "headers") continue;
        request = new Request(origin, connection, event.stream, stream.time);
        requests.set(event.stream, request);
      }
      request.take(event);
    }
  } catch (thrown) {
    for (const request of requests.values()) request.end();
    throw thrown instanceof EndOfStream ? thrown : new EndOfStream("fin");
  }
}

class Request {
  readonly #origin: OriginPort;
  readonly #connection: H2Connection;
  readonly #id: number;
  readonly #time: Timeline;
  readonly #spec: OriginSpec;
  readonly #draft: UpstreamDraft;
  readonly #parts: Buffer[] = [];
  readonly #over = new AbortController();

  constructor(origin: OriginPort, connection: H2Connection, id: number, time: Timeline) {
    this.#origin = origin;
    this.#connection = connection;
    this.#id = id;
    this.#time = time;
    this.#spec = origin.next();
    this.#draft = origin.record({ proto: "http2", body: "", end: "open" });
  }

  take(event: Exclude<H2Event, { kind: "goaway" }>): void {
    const draft = this.#draft;
    if (event.kind === "reset") {
      draft.resetCode = event.code;
      this.#over.abort();
      if (draft.end === "complete") draft.afterwards = "reset";
      else draft.end = "reset";
      return;
    }
    if (event.kind === "metadata") {
      draft.metadata = [...(draft.metadata ?? []), event.fields];
      return;
    }
    if (event.kind === "data") {
      this.#parts.push(event.bytes);
      draft.body = showBytes(Buffer.concat(this.#parts));
      draft.chunks = [...(draft.chunks ?? []), event.bytes.length];
    } else if (draft.headers === undefined) {
      draft.headers = event.fields;
      if (this.#spec.when === "headers") void this.#answer();
    } else draft.trailers = event.fields;
    if (!event.last) return;
    draft.end = "complete";
    if (this.#spec.when !== "headers") void this.#answer();
  }

  end(): void {
    this.#over.abort();
    if (this.#draft.end === "open" && !this.#origin.stopped.aborted) this.#draft.end = "closed";
  }

  async #answer(): Promise<void> {
    const [spec, id, connection] = [this.#spec, this.#id, this.#connection];
    const signal = AbortSignal.any([this.#origin.stopped, this.#over.signal]);
    const reset = async () => {
      await this.#time.pause(beforeResetMs, signal);
      if (!signal.aborted) connection.reset(id, spec.error ?? internalError);
    };
    await this.#time.pause(spec.delay_ms ?? 0, signal);
    if (spec.hang || signal.aborted) return;
    if (spec.abort === "before_headers") return connection.reset(id, spec.error ?? internalError);

    const { headers, body } = responseOf(spec);
    const trailers = spec.trailers ?? undefined;
    const endsAtHeaders =
      spec.trailers_only === true || (body.length === 0 && trailers === undefined && !spec.empty_end);
    connection.sendHeaders(id, headers, endsAtHeaders);
    if (endsAtHeaders) return;
    if (spec.metadata) connection.sendMetadata(id, spec.metadata);
    await this.#time.pause(spec.headers_delay_ms ?? 0, signal);
    if (spec.abort === "after_headers") return reset();
    for (const [index, part] of body.entries()) {
      if (index > 0) await this.#time.pause(spec.chunk_delay_ms ?? 30, signal);
      if (signal.aborted) return;
      const last = index === body.length - 1 && trailers === undefined && !spec.abort && !spec.empty_end;
      if (!(await connection.sendData(id, part, last, signal))) return;
    }
    if (spec.abort === "mid_body") return reset();
    await this.#time.pause(spec.end_delay_ms ?? 0, signal);
    if (signal.aborted) return;
    if (trailers !== undefined) connection.sendHeaders(id, trailers, true);
    else if (spec.empty_end) await connection.sendData(id, Buffer.alloc(0), true, signal);
  }
}

function responseOf(spec: OriginSpec): { headers: HeaderList; body: Buffer[] } {
  const status = spec.status ?? 200;
  const body = chunksOf(spec.body === undefined ? (status === 204 || status === 304 ? null : "hello") : spec.body);
  const given = spec.headers ?? [];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const hasLength =
    (spec.framing ?? "length") === "length" &&
    body.length > 0 &&
    !spec.trailers &&
    !given.some(([name]) => name === "content-length");
  return {
    headers: [
      [":status", String(status)],
      ...given,
      ...(hasLength ? ([["content-length", String(length)]] as const) : []),
    ],
    body,
  };
}
