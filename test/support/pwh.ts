import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const command = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the built `pwh`, as `npm test` has built it. */
export function pwh(
  args: readonly string[],
  options: { input?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: root,
    encoding: "utf8",
    ...(options.input !== undefined && { input: options.input }),
    env: { ...process.env, NO_COLOR: "", FORCE_COLOR: "0", ...options.env },
    timeout: options.timeoutMs ?? 20_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { code: status, out: stdout, err: stderr };
}

/** Starts `pwh` and goes on. */
export function pwhStarted(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [command, ...args], { cwd: root, stdio: "ignore" });
}

/** Starts `pwh`, sends a signal after a while, and tells how it ended. */
export function pwhInterrupted(
  args: readonly string[],
  afterMs: number,
): Promise<{ signal: string | null; ms: number }> {
  const child = spawn(process.execPath, [command, ...args], { cwd: root, stdio: "ignore" });
  return new Promise((resolve) => {
    let asked = 0;
    setTimeout(() => {
      asked = performance.now();
      child.kill("SIGINT");
    }, afterMs);
    child.on("exit", (_, signal) => resolve({ signal, ms: performance.now() - asked }));
  });
}
