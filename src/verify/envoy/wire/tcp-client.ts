import { chunksOf, showBytes } from "../bytes.js";
import type { ClientEnd, ClientRecord } from "../recording.js";
import type { ClientSpec } from "../scenario.js";
import { type ByteStream, type Dial, EndOfStream } from "./byte-stream.js";

/** Plays one TCP client to its end. Never throws. */
export async function playTcp(spec: ClientSpec, dial: Dial): Promise<ClientRecord> {
  let stream: ByteStream;
  try {
    stream = await dial();
  } catch {
    return { proto: "tcp", end: "refused" };
  }
  const parts: Buffer[] = [];
  const receiving = receive(stream, parts);
  for (const part of chunksOf(spec.body)) {
    stream.write(part);
    await stream.time.pause(spec.chunk_delay_ms ?? 50);
  }
  if (spec.half_close) stream.socket.end();
  if (spec.abort) stream.socket.resetAndDestroy();
  else if (spec.close) stream.socket.destroy();
  const cancelTimer = stream.time.after(spec.timeout_ms ?? 500, () => stream.finish("timeout"));
  const end = await receiving;
  cancelTimer();
  stream.socket.destroy();
  const left = spec.abort || spec.close;
  return { proto: "tcp", body: showBytes(Buffer.concat(parts)), end: left ? "aborted" : end };
}

async function receive(stream: ByteStream, parts: Buffer[]): Promise<ClientEnd> {
  try {
    for (;;) parts.push(await stream.some());
  } catch (thrown) {
    if (!(thrown instanceof EndOfStream)) throw thrown;
    return thrown.end === "timeout" ? "timeout" : "closed";
  }
}
