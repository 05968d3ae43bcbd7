import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "@bytecodealliance/jco";
import type { TestContext } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The bytes of a file, named from the top of the repository. */
export function bytesOfFile(path: string): Uint8Array {
  return new Uint8Array(readFileSync(root + path));
}

/** As `bytesOfFile`; where the file is absent, the test is skipped and says so. */
export function bytesOrSkip(context: TestContext, path: string): Uint8Array {
  if (!existsSync(root + path)) context.skip(`${path} has not been built (npm run fixtures)`);
  return bytesOfFile(path);
}

/** Assembled by wasm-tools, which does not validate. */
export async function assemble(wat: string): Promise<Uint8Array> {
  return new Uint8Array(await parse(wat));
}

/** Bytes from hex with spaces. */
export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
}
