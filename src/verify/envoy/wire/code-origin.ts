import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseHead } from "./h1-message.js";
import type { ByteStream } from "./byte-stream.js";
import type { OriginPort } from "./origin.js";

/** Serves the modules of a folder over HTTP/1 to Envoy's remote code fetcher. */
export async function serveModule(origin: OriginPort, stream: ByteStream, folder: string): Promise<void> {
  for (;;) {
    const { line } = parseHead(await stream.until("\r\n\r\n"));
    const body = await readFile(join(folder, basename(line.split(" ")[1] ?? ""))).catch(() => Buffer.alloc(0));
    const status = origin.next().status ?? (body.length > 0 ? 200 : 404);
    stream.write(`HTTP/1.1 ${status} X\r\ncontent-length: ${body.length}\r\n\r\n`);
    stream.write(body);
  }
}
