import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { adminGet, listenerPort } from "./admin.js";
import { logFormat, type ParsedLog, parseLog } from "./log-parser.js";
import type { JsonObject, LogLevel } from "./scenario.js";
import { pause } from "./wire/pause.js";

export interface EnvoyOptions {
  /** The Envoy binary itself: its pid is the one that is signalled. */
  readonly binary: string;
  /** A folder of this run, with nothing in it. */
  readonly folder: string;
  readonly bootstrap: JsonObject;
  readonly concurrency?: number;
  readonly logLevel?: LogLevel;
  readonly logLevels?: Readonly<Record<string, LogLevel>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly startTimeoutMs?: number;
}

const defaultStartTimeoutMs = 15_000;
const stopTimeoutMs = 5000;
const pollMs = 10;

/** Envoys that run now: none outlives this process, however it ends by itself. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * A process that ends Envoy, by its id, and removes its folder should this process be killed: then its standard input ends, and nobody
 * else would do it. It is in a group of its own, for Ctrl-C is not meant for it.
 */
function watch({ pid }: ChildProcess, folder: string): ChildProcess | undefined {
  if (pid === undefined) return undefined;
  const script = 'cat >/dev/null; kill -9 "$1" 2>/dev/null; rm -rf -- "$2"';
  const child = spawn("sh", ["-c", script, "sh", String(pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  child.on("error", () => undefined); // without a shell it is as before
  child.stdin.on("error", () => undefined);
  child.unref();
  (child.stdin as unknown as { unref?(): void }).unref?.();
  return child;
}

/** One Envoy, from its start to its end. */
export class EnvoyProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #killed = false;
  #adminPort: number | undefined;

  private constructor(options: EnvoyOptions) {
    const { folder } = options;
    this.#folder = folder;
    const log = openSync(join(folder, "stderr"), "w");
    this.#child = spawn(options.binary, argumentsOf(options), {
      cwd: folder,
      env: { ...process.env, ...options.environment },
      // The log goes to standard error, which Envoy writes at once; its log file would lose the last lines before a crash.
      stdio: ["ignore", "ignore", log],
    });
    closeSync(log);
    running.add(this.#child);
    const watchman = watch(this.#child, folder);
    this.#exited = once(this.#child, "exit")
      .catch(() => undefined)
      .finally(() => {
        running.delete(this.#child);
        watchman?.kill("SIGKILL");
      });
  }

  /** Starts it and waits until it listens or is gone. */
  static async start(options: EnvoyOptions): Promise<{ envoy: EnvoyProcess; port: number | undefined }> {
    await writeFile(join(options.folder, "envoy.json"), JSON.stringify(options.bootstrap, undefined, 1));
    const envoy = new EnvoyProcess(options);
    const port = await envoy.#ready(Date.now() + (options.startTimeoutMs ?? defaultStartTimeoutMs));
    return { envoy, port };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  /** Its exit code, the signal that ended it, or `killed` if it did not end by itself. */
  get exit(): number | string {
    if (this.#killed) return "killed";
    return this.#child.signalCode ?? this.#child.exitCode ?? "running";
  }

  /** The admin interface, or undefined if it does not answer. */
  async admin(path: string): Promise<string | undefined> {
    if (this.#adminPort === undefined || !this.running) return undefined;
    return adminGet(this.#adminPort, path).then(
      ({ text }) => text,
      () => undefined,
    );
  }

  /** Asks it to end, by its pid, and makes it end after five seconds. */
  async stop(): Promise<void> {
    if (this.running) this.#child.kill("SIGTERM");
    const inTime = new AbortController();
    await Promise.race([this.#exited, pause(stopTimeoutMs, inTime.signal)]);
    inTime.abort();
    if (!this.running) return;
    this.#killed = true;
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  async log(): Promise<ParsedLog> {
    return parseLog(await readFile(join(this.#folder, "stderr")));
  }

  /** The port of the listener `in`, once `/ready` says so; undefined if Envoy ended or the time is up. */
  async #ready(deadline: number): Promise<number | undefined> {
    while (this.running && Date.now() < deadline) {
      this.#adminPort ??= await this.#readAdminPort();
      if (this.#adminPort !== undefined) {
        const ready = await adminGet(this.#adminPort, "/ready").catch(() => undefined);
        if (ready?.status === 200) {
          const listeners = await this.admin("/listeners?format=json");
          return listeners === undefined ? undefined : listenerPort(listeners, "in");
        }
      }
      await pause(pollMs);
    }
    return undefined;
  }

  async #readAdminPort(): Promise<number | undefined> {
    const address = await readFile(join(this.#folder, "admin"), "utf8").catch(() => "");
    const [, port] = /:(\d+)$/.exec(address.trim()) ?? [];
    return port === undefined ? undefined : Number(port);
  }
}

function argumentsOf(options: EnvoyOptions): string[] {
  const levels = Object.entries({ wasm: "info", ...options.logLevels }).map(([name, level]) => `${name}:${level}`);
  const pairs = {
    "-c": join(options.folder, "envoy.json"),
    "--concurrency": String(options.concurrency ?? 1),
    "--admin-address-path": join(options.folder, "admin"),
    "-l": options.logLevel ?? "warning",
    "--component-log-level": levels.join(","),
    "--log-format": logFormat,
    "--file-flush-interval-msec": "20",
    "--drain-time-s": "1",
    "--parent-shutdown-time-s": "2",
  };
  return ["--disable-hot-restart", ...Object.entries(pairs).flat()];
}
