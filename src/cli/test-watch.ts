import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import { dirname, resolve } from "node:path";
import { scenarioFile, testFiles } from "../scenario/files.js";
import type { ReadOptions } from "../scenario/run-tests.js";
import { filesOfTests } from "../scenario/run-tests.js";
import { printError } from "./errors.js";

/** Changes within this time are one. */
const togetherMs = 80;

/**
 * Runs again whenever a file changes that a test was read from or reads. What is wrong in a file is told, and waited for.
 *
 * @returns When the process is asked to end, 0.
 */
export async function watchTests(
  run: () => Promise<number>,
  given: readonly string[],
  reading: ReadOptions,
): Promise<number> {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  while (!stop.signal.aborted) {
    try {
      await run();
    } catch (thrown) {
      printError(thrown, false);
    }
    const watched = await watchedFiles(given, reading);
    process.stderr.write(`\nwaiting for a change of ${watched.size} files; Ctrl-C ends\n`);
    const changed = await change(watched, stop.signal);
    if (changed !== undefined) process.stderr.write(`${changed} changed\n\n`);
  }
  return 0;
}

async function watchedFiles(given: readonly string[], reading: ReadOptions): Promise<ReadonlySet<string>> {
  const files = new Set<string>();
  try {
    const found = testFiles(given);
    for (const file of found) files.add(resolve(file));
    for (const file of await filesOfTests(found, reading)) files.add(file);
  } catch {
    // a file that cannot be read now is watched itself: the run has told what is wrong
  }
  for (const one of given.length === 0 ? ["."] : given) if (!/[*?]/.test(one)) files.add(resolve(one));
  return files;
}

/** The first of these files that changes. Folders are watched, since editors and compilers replace files. */
function change(files: ReadonlySet<string>, signal: AbortSignal): Promise<string | undefined> {
  const folders = new Set([...files].flatMap((file) => [dirname(file), file]));
  const watchers: FSWatcher[] = [];
  return new Promise((done) => {
    let timer: NodeJS.Timeout | undefined;
    const end = (changed: string | undefined): void => {
      clearTimeout(timer);
      for (const one of watchers) one.close();
      done(changed);
    };
    signal.addEventListener("abort", () => end(undefined), { once: true });
    for (const folder of folders) {
      try {
        const watcher = watch(folder, (_, name) => {
          const path = resolve(folder, name ?? "");
          if (!files.has(path) && !scenarioFile.test(path)) return; // reports and snapshots are written by the run itself
          clearTimeout(timer);
          timer = setTimeout(() => end(name ?? folder), togetherMs);
        });
        watcher.on("error", () => {});
        watchers.push(watcher);
      } catch {
        // gone meanwhile: its folder is watched too
      }
    }
  });
}
