import { HarnessError, messageOf } from "../errors.js";
import type { Inspection } from "../harness/inspect.js";
import { inspect } from "../harness/inspect.js";
import { loadPlugin } from "../harness/plugin.js";
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
  /** Root ids under which the module finds no root context. */
  readonly missingRoots: ReadonlySet<string>;
}

/**
 * @param rootIds Those that the manifests name: the module is started with each.
 * @throws {HarnessError} FILE_UNREADABLE
 */
export async function readLintModule(file: string, rootIds: Iterable<string> = []): Promise<LintModule> {
  const bytes = await readNamedFile(file);
  const missingRoots = new Set<string>();
  try {
    const info = readModule(bytes);
    const inspection = await inspect(bytes);
    if (inspection.problems.length === 0) {
      for (const rootId of new Set(rootIds)) if (await missesRoot(bytes, rootId)) missingRoots.add(rootId);
    }
    return { file, bytes, info, inspection, problem: undefined, missingRoots };
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    return { file, bytes, info: undefined, inspection: undefined, problem: messageOf(thrown), missingRoots };
  }
}

/** Whether the module, started under this root id, has no root context for it: SDKs say so, or trap. */
async function missesRoot(bytes: Uint8Array, rootId: string): Promise<boolean> {
  try {
    await using plugin = await loadPlugin(bytes, { rootId });
    return plugin.logs.some(({ message }) => /missing root context factory/i.test(message));
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    return [thrown.message, ...thrown.details].some((text) => /missing root context factory/i.test(text));
  }
}
