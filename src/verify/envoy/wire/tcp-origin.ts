import { chunksOf, showBytes } from "../bytes.js";
import type { BodySpec } from "../scenario.js";
import { type ByteStream, EndOfStream } from "./byte-stream.js";
import type { OriginPort } from "./origin.js";

/** Greets, answers the first bytes with its body, notes all that comes. */
export async function serveTcp(origin: OriginPort, stream: ByteStream): Promise<void> {
  const spec = origin.next();
  const draft = origin.record({ proto: "tcp", body: "", end: "open" });
  const parts: Buffer[] = [];
  const say = async (body: BodySpec | null | undefined) => {
    for (const part of chunksOf(body)) {
      stream.write(part);
      await stream.time.pause(spec.chunk_delay_ms ?? 30, origin.stopped);
    }
  };
  await say(spec.greet);
  try {
    for (;;) {
      parts.push(await stream.some());
      draft.body = showBytes(Buffer.concat(parts));
      if (parts.length > 1 || spec.body === undefined) continue;
      await say(spec.body);
      if (!spec.close) continue;
      draft.end = "complete";
      return;
    }
  } catch (thrown) {
    if (thrown instanceof EndOfStream && !origin.stopped.aborted) draft.end = "closed";
    throw thrown;
  }
}
