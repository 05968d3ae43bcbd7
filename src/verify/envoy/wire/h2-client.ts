import { messageOf } from "../../../errors.js";
import { chunksOf, showBytes } from "../bytes.js";
import type { ClientEnd, ClientRecord, HeaderPairs } from "../recording.js";
import type { ClientSpec, HeaderList } from "../scenario.js";
import { type ByteStream, type Dial, EndOfStream } from "./byte-stream.js";
import { H2Connection, type H2Event } from "./h2-connection.js";

/** How long an RST_STREAM after a complete response is waited for, and how long Envoy has to read one of ours. */
const lingerMs = 50;
const streamId = 1;
const cancel = 8;

type Draft = { -readonly [K in keyof ClientRecord]: ClientRecord[K] };

/** Plays one HTTP/2 client, with one request on stream 1, to its end. Never throws. */
export async function playH2(spec: ClientSpec, dial: Dial): Promise<ClientRecord> {
  const record: Draft = { proto: "http2", end: "refused" };
  let stream: ByteStream;
  try {
    stream = await dial();
  } catch {
    return record;
  }
  const over = new AbortController();
  const cancelTimer = stream.time.after(spec.timeout_ms ?? 1500, () => stream.finish("timeout"));
  const connection = new H2Connection(stream, "client");
  const sending = send(spec, connection, stream, over.signal);
  const exchange = new Exchange(record);
  record.end = await receive(connection, stream, exchange);
  cancelTimer();
  over.abort();
  if ((await sending) === "aborted" && record.end !== "complete") record.end = "aborted";
  exchange.finish();
  stream.socket.destroy();
  return record;
}

async function send(
  spec: ClientSpec,
  connection: H2Connection,
  stream: ByteStream,
  signal: AbortSignal,
): Promise<"sent" | "aborted"> {
  const gap = spec.chunk_delay_ms ?? 40;
  const body = chunksOf(spec.body);
  const endsWithBody = !spec.trailers && !spec.empty_end && !spec.no_end;
  connection.sendHeaders(
    streamId,
    requestFields(spec, body),
    spec.body === undefined && !spec.trailers && !spec.no_end,
  );
  if (spec.metadata) connection.sendMetadata(streamId, spec.metadata);
  for (const [index, part] of body.entries()) {
    await stream.time.pause(gap, signal);
    if (signal.aborted) return "sent";
    if (!(await connection.sendData(streamId, part, endsWithBody && index === body.length - 1, signal))) return "sent";
  }
  if (spec.body !== undefined && spec.empty_end && !spec.trailers) {
    await stream.time.pause(gap, signal);
    if (!signal.aborted) await connection.sendData(streamId, Buffer.alloc(0), true, signal);
  }
  if (spec.trailers) {
    await stream.time.pause(gap, signal);
    if (!signal.aborted) connection.sendHeaders(streamId, spec.trailers, true);
  }
  if (spec.abort_after_ms === undefined) return "sent";
  await stream.time.pause(spec.abort_after_ms, signal);
  if (signal.aborted) return "sent";
  connection.reset(streamId, cancel);
  await stream.time.pause(lingerMs);
  stream.finish("timeout");
  return "aborted";
}

function requestFields(spec: ClientSpec, body: readonly Buffer[]): HeaderList {
  const method = spec.method ?? (spec.body === undefined ? "GET" : "POST");
  const pseudo: HeaderList = spec.pseudo ?? [
    [":method", method],
    [":scheme", "http"],
    [":authority", spec.authority ?? "test.local"],
    [":path", spec.path ?? "/"],
  ];
  const length = spec.content_length === true ? body.reduce((sum, part) => sum + part.length, 0) : spec.content_length;
  const framed: HeaderList = length === undefined ? [] : [["content-length", String(length)]];
  return [...pseudo, ...(spec.headers ?? []), ...framed];
}

/** Events of the one exchange, gathered into its record. */
class Exchange {
  readonly #record: Draft;
  readonly #parts: Buffer[] = [];
  readonly #chunks: number[] = [];

  constructor(record: Draft) {
    this.#record = record;
  }

  take(event: H2Event): ClientEnd | undefined {
    const record = this.#record;
    if (event.kind === "goaway") record.goaway = event.code;
    if (event.kind === "goaway" || event.stream !== streamId) return undefined;
    if (event.kind === "reset") {
      record.resetCode = event.code;
      return "reset";
    }
    if (event.kind === "metadata") {
      record.metadata = [...(record.metadata ?? []), event.fields];
      return undefined;
    }
    if (event.kind === "data") {
      this.#parts.push(event.bytes);
      this.#chunks.push(event.bytes.length);
    } else this.#takeHeaders(event.fields, event.last);
    return event.last ? "complete" : undefined;
  }

  #takeHeaders(fields: HeaderPairs, last: boolean): void {
    const record = this.#record;
    const status = fields.find(([name]) => name === ":status")?.[1];
    if (record.headers !== undefined) record.trailers = fields;
    else if (status !== undefined && /^1\d\d$/.test(status) && !last)
      record.informational = [...(record.informational ?? []), fields];
    else {
      record.headers = fields;
      if (status !== undefined) record.status = /^\d+$/.test(status) ? Number(status) : status;
    }
  }

  unreadable(thrown: unknown): ClientEnd {
    this.#record.problem = messageOf(thrown);
    return "closed";
  }

  finish(): void {
    if (this.#record.headers === undefined && this.#parts.length === 0) return;
    this.#record.body = showBytes(Buffer.concat(this.#parts));
    if (this.#chunks.length > 0) this.#record.chunks = this.#chunks;
  }
}

async function receive(connection: H2Connection, stream: ByteStream, exchange: Exchange): Promise<ClientEnd> {
  try {
    for (;;) {
      const end = exchange.take(await connection.next());
      if (end === "complete") await linger(connection, stream, exchange);
      if (end !== undefined) return end;
    }
  } catch (thrown) {
    if (!(thrown instanceof EndOfStream)) return exchange.unreadable(thrown);
    return thrown.end === "timeout" ? "timeout" : "closed";
  }
}

async function linger(connection: H2Connection, stream: ByteStream, exchange: Exchange): Promise<void> {
  const cancelTimer = stream.time.after(lingerMs, () => stream.finish("timeout"));
  try {
    while (exchange.take(await connection.next()) === undefined);
  } catch (thrown) {
    if (!(thrown instanceof EndOfStream)) throw thrown;
  } finally {
    cancelTimer();
  }
}
