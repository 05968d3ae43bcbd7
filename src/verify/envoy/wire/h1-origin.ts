import { messageOf } from "../../../errors.js";
import { chunksOf, showBytes } from "../bytes.js";
import type { HeaderList, OriginSpec } from "../scenario.js";
import { type ByteStream, EndOfStream } from "./byte-stream.js";
import {
  emptyBody,
  fieldOf,
  formatChunk,
  formatFields,
  type H1Head,
  parseHead,
  readChunked,
  readLength,
} from "./h1-message.js";
import type { OriginPort, UpstreamDraft } from "./origin.js";

/** Between the last byte and a reset, so that Envoy reads that byte first. */
const beforeResetMs = 30;

/** What becomes of the connection after a response. */
type Afterwards = "stays" | "reset" | "closed";

/** Serves the requests of one connection, one after the other. @throws {EndOfStream} when Envoy ends it */
export async function serveH1(origin: OriginPort, stream: ByteStream): Promise<void> {
  let current: UpstreamDraft | undefined;
  stream.onEnd = () => {
    if (current?.end === "complete" && !origin.stopped.aborted) current.afterwards = "closed";
  };
  for (;;) {
    if (stream.buffered === 0) await stream.more();
    const draft = origin.record({ proto: "http1", end: "open" }, (unsettled) => {
      if (unsettled.line === undefined) unsettled.problem ??= `inside the headers: ${showBytes(stream.peek())}`;
    });
    current = draft;
    const afterwards = await exchange(origin, stream, draft);
    if (afterwards === "stays") continue;
    current = undefined;
    if (afterwards === "reset") stream.socket.resetAndDestroy();
    return;
  }
}

async function exchange(origin: OriginPort, stream: ByteStream, draft: UpstreamDraft): Promise<Afterwards> {
  const over = new AbortController();
  try {
    const head = parseHead(await stream.until("\r\n\r\n"));
    draft.line = head.line;
    draft.headers = head.headers;
    const spec = origin.next();
    const isHead = head.line.startsWith("HEAD ");
    const signal = AbortSignal.any([origin.stopped, over.signal]);
    const early = spec.when === "headers" ? answer(spec, stream, isHead, signal) : undefined;
    early?.catch(() => undefined); // it fails together with the reading below
    await readRequestBody(stream, head, draft);
    draft.end = "complete";
    return await (early ?? answer(spec, stream, isHead, signal));
  } catch (thrown) {
    over.abort();
    if (!origin.stopped.aborted && draft.end === "open") {
      draft.end = "closed";
      if (draft.line === undefined) draft.problem = `inside the headers: ${showBytes(stream.peek())}`;
      if (!(thrown instanceof EndOfStream)) draft.problem = messageOf(thrown);
    }
    throw thrown instanceof EndOfStream ? thrown : new EndOfStream("fin");
  }
}

async function readRequestBody(stream: ByteStream, head: H1Head, draft: UpstreamDraft): Promise<void> {
  const body = emptyBody();
  try {
    if (fieldOf(head.headers, "transfer-encoding")?.toLowerCase() === "chunked") await readChunked(stream, body);
    else await readLength(stream, body, Number(fieldOf(head.headers, "content-length") ?? 0));
  } finally {
    draft.body = showBytes(Buffer.concat(body.parts));
    if (body.chunks !== undefined) draft.chunks = body.chunks;
    if (body.trailers !== undefined) draft.trailers = body.trailers;
  }
}

async function answer(spec: OriginSpec, stream: ByteStream, isHead: boolean, signal: AbortSignal): Promise<Afterwards> {
  await stream.time.pause(spec.delay_ms ?? 0, signal);
  if (spec.hang) await stream.more();
  if (signal.aborted) return "stays";
  if (spec.abort === "before_headers") return "reset";
  if (spec.raw !== undefined) {
    await writeParts(spec, stream, chunksOf(spec.raw), (part) => part, signal);
    return spec.close === false ? "stays" : "closed";
  }
  const { head, body, framing } = responseOf(spec);
  stream.write(head);
  await stream.time.pause(spec.headers_delay_ms ?? 0, signal);
  if (spec.abort === "after_headers") {
    await stream.time.pause(beforeResetMs, signal);
    return "reset";
  }
  if (!isHead) {
    await writeParts(spec, stream, body, framing === "chunked" ? formatChunk : (part) => part, signal);
    if (spec.abort === "mid_body") {
      await stream.time.pause(beforeResetMs, signal);
      return "reset";
    }
    if (framing === "chunked") {
      await stream.time.pause(spec.end_delay_ms ?? 0, signal);
      if (!signal.aborted) stream.write(`0\r\n${formatFields(spec.trailers ?? [])}\r\n`);
    }
  }
  return framing === "close" ? "closed" : "stays";
}

async function writeParts(
  spec: OriginSpec,
  stream: ByteStream,
  parts: readonly Buffer[],
  format: (part: Buffer) => Buffer,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) await stream.time.pause(spec.chunk_delay_ms ?? 30, signal);
    if (signal.aborted) return;
    stream.write(format(part));
  }
}

function responseOf(spec: OriginSpec): { head: string; body: Buffer[]; framing: OriginSpec["framing"] | "none" } {
  const status = spec.status ?? 200;
  const bodiless = status === 204 || status === 304;
  const body = chunksOf(spec.body === undefined ? (bodiless ? null : "hello") : spec.body);
  const framing = bodiless ? "none" : (spec.framing ?? (spec.trailers ? "chunked" : "length"));
  const given = spec.headers ?? [];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const framed: HeaderList =
    framing === "chunked"
      ? [["transfer-encoding", "chunked"]]
      : framing === "close"
        ? [["connection", "close"]]
        : framing === "length" && fieldOf(given, "content-length") === undefined
          ? [["content-length", String(length)]]
          : [];
  const head = `HTTP/1.1 ${status} ${spec.reason ?? "OK"}\r\n${formatFields([...given, ...framed])}\r\n`;
  return { head, body, framing };
}
