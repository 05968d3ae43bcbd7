import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { openStore } from "../fuzz/corpus/store.js";
import { findingJson, findingText } from "../fuzz/finding-text.js";
import type { Finding, FuzzProgress, FuzzReport } from "../fuzz/fuzz.js";
import type { SharedFinding } from "../fuzz/share.js";
import { corpusPart, reachedText, writeResult } from "../fuzz/share.js";
import type { Shard } from "../fuzz/shard.js";
import { wholeSearch } from "../fuzz/shard.js";
import { whyUnreadable } from "../harness/source.js";
import { UsageError } from "./errors.js";

/** Writes what a shard does, as it goes on: what ends a machine takes nothing with it. */
interface Sharing {
  /** Name of the corpus. */
  readonly corpus: string;
  progress(progress: FuzzProgress): void;
  found(finding: Finding): void;
  /** @throws {HarnessError} FILE_UNREADABLE */
  ended(report: FuzzReport): Promise<void>;
}

/** Milliseconds between two results of a shard that goes on. */
const everyMs = 15_000;

/**
 * @param name Of the share.
 * @param command File and options as they were given, and the options alone.
 */
export async function sharing(
  name: string,
  command: { readonly file: string; readonly whole: string; readonly options: string },
  { seed, shard = wholeSearch }: { readonly seed: number; readonly shard: Shard | undefined },
): Promise<Sharing> {
  const { file } = command;
  const share = await openStore(name);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (thrown) {
    throw new UsageError(`Cannot read ${file}: ${whyUnreadable(thrown)}`);
  }
  const module = { name: basename(file), sha256: createHash("sha256").update(bytes).digest("hex") };
  const own = { module, options: command.options, shard: shard.index + 1, of: shard.of };
  const findings: SharedFinding[] = [];
  let last: Promise<void> = Promise.resolve();
  let writtenMs = 0;
  const write = (result: Omit<Parameters<typeof writeResult>[1], keyof typeof own>): Promise<void> =>
    (last = last.catch(() => undefined).then(() => writeResult(share, { ...own, ...result })));
  const running = (runs: number, elapsedMs: number): void => {
    // the last result has all that this one has: only its failure is one of the run
    write({ seed, ended: "running", runs, played: 0, elapsedMs, findings }).catch(() => undefined);
  };
  return {
    corpus: share.path(corpusPart),
    progress({ runs, elapsedMs }) {
      if (elapsedMs - writtenMs < everyMs) return;
      writtenMs = elapsedMs;
      running(runs, elapsedMs);
    },
    found(finding) {
      findings.push({ ...findingJson(finding), text: findingText(command.whole, finding) } as unknown as SharedFinding);
      running(finding.run, finding.foundAfterMs);
    },
    async ended({ ended, runs, spent, elapsedMs, reached }) {
      const coverage = reached && { coverage: reachedText(reached) };
      await write({ seed, ended, runs, played: spent.played, elapsedMs, findings, ...coverage });
    },
  };
}
