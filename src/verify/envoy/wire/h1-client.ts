import { messageOf } from "../../../errors.js";
import { chunksOf, showBytes } from "../bytes.js";
import type { ClientEnd, ClientRecord, HeaderPairs } from "../recording.js";
import type { ClientSpec } from "../scenario.js";
import { type ByteStream, type Dial, EndOfStream } from "./byte-stream.js";
import {
  emptyBody,
  fieldOf,
  formatChunk,
  formatFields,
  type H1Body,
  parseHead,
  readChunked,
  readLength,
} from "./h1-message.js";

/** How long Envoy has to close a connection, or to send more than the response, before it counts as left open. */
const lingerMs = 60;

type Draft = { -readonly [K in keyof ClientRecord]: ClientRecord[K] };

/** Plays one HTTP/1.1 client to its end. Never throws. */
export async function playH1(spec: ClientSpec, dial: Dial): Promise<ClientRecord> {
  const record: Draft = { proto: "http1", end: "refused" };
  let stream: ByteStream;
  try {
    stream = await dial();
  } catch {
    return record;
  }
  const over = new AbortController();
  const body = emptyBody();
  const cancelTimer = stream.time.after(spec.timeout_ms ?? 1500, () => stream.finish("timeout"));
  const sending = send(spec, stream, record, over.signal);
  const leaving = leave(spec, stream, over.signal);
  record.end = await receive(spec, stream, record, body);
  if (record.end !== "complete" && (await Promise.race([leaving, false]))) record.end = "aborted";
  cancelTimer();
  over.abort();
  await sending;
  if (record.status !== undefined) {
    record.body = showBytes(Buffer.concat(body.parts));
    if (body.chunks !== undefined) record.chunks = body.chunks;
    if (body.trailers !== undefined) record.trailers = body.trailers;
  }
  stream.socket.destroy();
  return record;
}

async function send(spec: ClientSpec, stream: ByteStream, record: Draft, signal: AbortSignal): Promise<void> {
  const gap = spec.chunk_delay_ms ?? 40;
  if (spec.raw !== undefined) {
    for (const part of chunksOf(spec.raw)) {
      stream.write(part);
      await stream.time.pause(gap, signal);
    }
    return;
  }
  const body = chunksOf(spec.body);
  const framing = spec.framing ?? (spec.trailers ? "chunked" : "length");
  stream.write(requestHead(spec, framing, body));
  for (const part of body) {
    await stream.time.pause(gap, signal);
    if (signal.aborted) return;
    if (!stream.write(framing === "chunked" ? formatChunk(part) : part))
      record.problem = "gone while the request was sent";
  }
  if (spec.body === undefined || framing !== "chunked" || spec.no_end) return;
  await stream.time.pause(spec.end_delay_ms ?? gap, signal);
  if (!signal.aborted) stream.write(`0\r\n${formatFields(spec.trailers ?? [])}\r\n`);
}

function requestHead(spec: ClientSpec, framing: "length" | "chunked", body: readonly Buffer[]): string {
  const given = spec.headers ?? [];
  const method = spec.method ?? (spec.body === undefined ? "GET" : "POST");
  const host: HeaderPairs = fieldOf(given, "host") === undefined ? [["host", spec.authority ?? "test.local"]] : [];
  const length =
    typeof spec.content_length === "number" ? spec.content_length : body.reduce((sum, part) => sum + part.length, 0);
  const framed: HeaderPairs =
    spec.body === undefined
      ? []
      : framing === "chunked"
        ? [["transfer-encoding", "chunked"]]
        : fieldOf(given, "content-length") === undefined
          ? [["content-length", String(length)]]
          : [];
  return `${method} ${spec.path ?? "/"} HTTP/1.1\r\n${formatFields([...host, ...given, ...framed])}\r\n`;
}

/** True once the client left by itself. */
async function leave(spec: ClientSpec, stream: ByteStream, signal: AbortSignal): Promise<boolean> {
  if (spec.abort_after_ms === undefined) return false;
  await stream.time.pause(spec.abort_after_ms, signal);
  if (signal.aborted) return false;
  if (spec.abort_kind === "fin") stream.socket.destroy();
  else stream.socket.resetAndDestroy();
  stream.finish("fin");
  return true;
}

async function receive(spec: ClientSpec, stream: ByteStream, record: Draft, body: H1Body): Promise<ClientEnd> {
  try {
    await receiveHead(stream, record);
    if (await receiveBody(spec, stream, record, body)) record.connection = "closed";
    else await linger(stream, record);
    return "complete";
  } catch (thrown) {
    if (!(thrown instanceof EndOfStream)) record.problem = messageOf(thrown);
    return thrown instanceof EndOfStream && thrown.end === "timeout" ? "timeout" : "closed";
  }
}

async function receiveHead(stream: ByteStream, record: Draft): Promise<void> {
  const informational: HeaderPairs[] = [];
  for (;;) {
    const { line, headers } = parseHead(await stream.until("\r\n\r\n"));
    const status = Number(line.split(" ")[1]);
    if (status >= 100 && status < 200 && status !== 101) {
      informational.push([[":status", String(status)], ...headers]);
      record.informational = informational;
      continue;
    }
    record.line = line;
    record.status = status;
    record.headers = headers;
    return;
  }
}

/** Whether the end of the connection was the end of the body. @throws {EndOfStream} */
async function receiveBody(spec: ClientSpec, stream: ByteStream, record: Draft, body: H1Body): Promise<boolean> {
  const headers = record.headers ?? [];
  if (spec.method === "HEAD" || record.status === 204 || record.status === 304) return false;
  const length = fieldOf(headers, "content-length");
  if (fieldOf(headers, "transfer-encoding")?.toLowerCase() === "chunked") await readChunked(stream, body);
  else if (length !== undefined) await readLength(stream, body, Number(length));
  else return readToEnd(stream, body);
  return false;
}

async function readToEnd(stream: ByteStream, body: H1Body): Promise<boolean> {
  try {
    for (;;) body.parts.push(await stream.some());
  } catch (thrown) {
    if (thrown instanceof EndOfStream && thrown.end === "fin") return true;
    throw thrown;
  }
}

async function linger(stream: ByteStream, record: Draft): Promise<void> {
  record.connection = "open";
  const over = new AbortController();
  await Promise.race([stream.more().catch(() => undefined), stream.time.pause(lingerMs, over.signal)]);
  over.abort();
  if (stream.buffered > 0) record.extra = showBytes(stream.rest());
  else if (stream.end === "fin" || stream.end === "reset") record.connection = "closed";
}
