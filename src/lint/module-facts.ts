import { HarnessError, messageOf } from "../errors.js";
import type { Inspection } from "../harness/inspect.js";
import { inspect } from "../harness/inspect.js";
import { readNamedFile } from "../harness/source.js";
import type { ModuleInfo } from "../vm/module-info.js";
import { readModule } from "../vm/module-info.js";

/** The module that the manifests are about. */
export interface LintModule {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Undefined: it is no module, and `problem` says why. */
  readonly inspection: Inspection | undefined;
  readonly info: ModuleInfo | undefined;
  readonly problem: string | undefined;
}

/** @throws {HarnessError} FILE_UNREADABLE */
export async function readLintModule(file: string): Promise<LintModule> {
  const bytes = await readNamedFile(file);
  try {
    const info = readModule(bytes);
    return { file, bytes, info, inspection: await inspect(bytes), problem: undefined };
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    return { file, bytes, info: undefined, inspection: undefined, problem: messageOf(thrown) };
  }
}

/** Whether the text stands in the module's bytes: as UTF-8, or as UTF-16 like strings of AssemblyScript. */
export function containsText({ bytes }: LintModule, text: string): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.includes(text, 0, "utf8") || buffer.includes(text, 0, "utf16le");
}

/** Whether SDKs of the language find the root context by its name. */
export const looksUpRoots = (language: string): boolean => /assemblyscript|c\+\+/i.test(language);
